import pytest
import torch

from clips.clip_spec import ClipSpec, View
from tests.helpers.training.frame_folders import FILE_NAME, write_frames
from training.data.augmentation.augmentation import Augmentation
from training.data.augmentation.multi_scale_crop import MultiScaleCrop
from training.data.batch import NO_LABEL
from training.data.dataloader import EvaluationBatches, TrainingBatches, load_batches
from training.data.dataset import ListedClips, ListedViews
from training.data.readers import FrameFolderReader, VideoReader
from training.data.rendered import SyntheticClips
from training.data.unreadable import TooManyUnreadable
from training.lists.item_list import ListItem

SPEC = ClipSpec(crop=32, short_side=48, view=View.THREE)
AUGMENTATION = Augmentation(short_side=48, crop=MultiScaleCrop(crop=32, scales=(1, 0.875, 0.75, 0.66)), flip=0.5)
NUM_ITEMS = 7


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Seven folders with labels from 0, of which the fourth is broken."""
    root = tmp_path_factory.mktemp("frames")
    items = [write_frames(root / f"{label}", 10 + label, label) for label in range(NUM_ITEMS)]
    for file in items[3].path.iterdir():
        file.unlink()
    return items


def ignore(line):
    """Discard a report."""


def training(items, *, workers=0, batch_size=3, max_unreadable=1, report=ignore, **place):
    dataset = ListedClips(
        items, FrameFolderReader(FILE_NAME), AUGMENTATION, num_frames=8, seed=5, max_unreadable=max_unreadable
    )
    return TrainingBatches(dataset, batch_size=batch_size, workers=workers, report=report, **place)


def evaluation(items, *, workers=0, max_unreadable=1, report=ignore, **place):
    dataset = ListedViews(items, FrameFolderReader(FILE_NAME), SPEC, max_unreadable=max_unreadable)
    return EvaluationBatches(dataset, batch_size=3, workers=workers, report=report, **place)


def assert_equal(some, others):
    for one, other in zip(some, others, strict=True):
        assert one.clips.equal(other.clips)
        assert one.labels.equal(other.labels)
        assert [str(error) for error in one.unreadable] == [str(error) for error in other.unreadable]


def test_workers_change_nothing_and_neither_does_beginning_later(folders):
    alone, helped, resumed = training(folders), training(folders, workers=2), training(folders, workers=1)
    epochs = [list(alone.epoch(epoch)) for epoch in range(3)]
    for epoch, batches in enumerate(epochs):
        assert_equal(helped.epoch(epoch), batches)
    assert_equal(resumed.epoch(2), epochs[2])
    assert not epochs[0][0].clips.equal(epochs[1][0].clips)


def test_the_last_batch_may_be_smaller(folders):
    batches = training(folders)
    assert [len(batch.labels) for batch in batches.epoch(0)] == [3, 3, 1]
    assert batches.steps_per_epoch == 3
    first = next(batches.epoch(0))
    assert first.clips.shape == (3, 8, 32, 32, 3)
    assert first.clips.dtype == torch.uint8
    assert first.labels.dtype == torch.int64


def test_two_processes_together_see_the_batches_of_one(folders):
    whole = training(folders[:3] + folders[4:], batch_size=4).epoch(1)
    halves = [training(folders[:3] + folders[4:], batch_size=2, rank=rank, world_size=2).epoch(1) for rank in range(2)]
    for batch, first, second in zip(whole, *halves, strict=True):
        assert torch.stack([first.clips, second.clips], 1).flatten(0, 1).equal(batch.clips)
        assert torch.stack([first.labels, second.labels], 1).flatten().equal(batch.labels)


def test_torchs_own_random_numbers_are_left_alone(folders):
    state = torch.get_rng_state()
    list(training(folders).epoch(0))
    list(evaluation(folders))
    assert torch.get_rng_state().equal(state)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_item_is_replaced_and_reported_once(folders, workers):
    lines: list[str] = []
    batches = training(folders, workers=workers, report=lines.append)
    labels = [batch.labels for epoch in range(3) for batch in batches.epoch(epoch)]
    assert len(torch.cat(labels)) == 3 * NUM_ITEMS
    assert not (torch.cat(labels) == 3).any()
    (line,) = lines
    assert line.startswith(f"{folders[3].path}: img_000")
    assert line.endswith(": No such file or directory")


@pytest.mark.parametrize("workers", [0, 2])
def test_too_many_broken_items_end_the_epoch(folders, workers):
    batches = training(folders, workers=workers, max_unreadable=0)
    with pytest.raises(TooManyUnreadable, match=r"^1 .* limit is 0"):
        list(batches.epoch(0))


def test_a_data_set_of_which_nothing_can_be_read_is_an_error_whatever_the_limit(tmp_path):
    gone = [ListItem(tmp_path / f"{number}.mp4", 0) for number in range(3)]
    dataset = ListedClips(gone, VideoReader(), AUGMENTATION, num_frames=8, seed=0, max_unreadable=100)
    with pytest.raises(TooManyUnreadable, match=r"^3 "):
        list(TrainingBatches(dataset, batch_size=2, workers=0, report=ignore).epoch(0))


def test_an_evaluation_leaves_a_broken_item_without_label_each_time(folders):
    lines: list[str] = []
    batches = evaluation(folders, workers=2, report=lines.append)
    for _ in range(2):
        labels = torch.cat([batch.labels for batch in batches])
        assert labels.tolist() == [0, 1, 2, NO_LABEL, 4, 5, 6]
    assert len(lines) == 1


@pytest.mark.parametrize("world_size", [2, 4])
def test_a_sharded_evaluation_has_the_batches_of_an_unsharded_one(folders, world_size):
    whole = list(evaluation(folders))
    assert [batch.clips.shape for batch in whole] == [(3, 3, 8, 32, 32, 3)] * 2 + [(1, 3, 8, 32, 32, 3)]
    for rank in range(world_size):
        share = evaluation(folders, rank=rank, world_size=world_size)
        assert len(share) == len(whole[rank::world_size])
        assert_equal(share, whole[rank::world_size])


def test_rendered_batches_are_the_same_for_the_same_seed():
    def first_batch(seed, workers):
        dataset = SyntheticClips(ClipSpec(crop=48, view=View.SQUEEZE), difficulty=1.0, seed=(seed,))
        return next(load_batches(dataset, batch_size=4, workers=workers))

    clips, labels, unreadable = first_batch(1, 0)
    assert clips.shape == (4, 8, 48, 48, 3)
    assert labels.shape == (4,)
    assert not unreadable
    assert clips.equal(first_batch(1, 1).clips)
    assert not clips.equal(first_batch(2, 0).clips)

import pytest
import torch

from tests.helpers.training.action_clips import make_action_clips
from tests.helpers.training.tiny_data import make_frame_data
from training.data.batch import NO_LABEL
from training.engine import data_source
from training.engine.data_source import open_data_source
from training.engine.distributed import Processes
from training.recipes.recipe import RecipeError, load_recipe

ALONE = Processes(torch.device("cpu"))
RENDERED = [
    "clip.crop=48",
    "data.lessons=[{from_epoch: 0, side: 32, difficulty: 0}, {from_epoch: 2, side: 48, difficulty: 1}]",
    "data.batch_size=2",
    "data.workers=0",
    "data.steps_per_epoch=2",
    "data.validation_clips=3",
]


def open_frames(tmp_path, *settings):
    return open_data_source(load_recipe(str(make_frame_data(tmp_path)), list(settings)), 0, ALONE, print)


def test_frame_folders_make_batches_of_clips_and_views(tmp_path):
    source = open_frames(tmp_path)
    assert source.labels == ("right", "left", "still")
    assert source.class_counts.tolist() == [4, 3, 3]
    training = list(source.training_batches(0))
    assert source.steps_per_epoch == len(training) == 3
    assert [tuple(batch.clips.shape) for batch in training] == [(4, 4, 32, 32, 3)] * 2 + [(2, 4, 32, 32, 3)]
    validation = source.validation_batches(0)
    assert len(validation) == 2
    assert [tuple(batch.clips.shape) for batch in validation] == [(4, 1, 4, 32, 32, 3), (3, 1, 4, 32, 32, 3)]


def test_labels_must_be_as_many_as_the_classes(tmp_path):
    with pytest.raises(RecipeError, match=r"labels\.txt: .*3 labels.*num_classes is 4"):
        open_frames(tmp_path, "model.num_classes=4")
    with pytest.raises(RecipeError, match=r"nowhere\.txt .*training\.prepare"):
        open_frames(tmp_path / "again", "data.labels=nowhere.txt")


def open_videos(folder, report, *settings):
    """Open four short videos, as clips to train and to validate with."""
    names = [path.relative_to(folder) for path in sorted(make_action_clips(folder, 2).rglob("take*"))]
    (folder / "list.txt").write_text("".join(f"{name} {number % 2}\n" for number, name in enumerate(names)))
    (folder / "labels.txt").write_text("left\nright\n")
    paths = {"root": folder, **dict.fromkeys(("train", "validation"), folder / "list.txt")}
    overrides = [f"data.{key}={path}" for key, path in (paths | {"labels": folder / "labels.txt"}).items()]
    small = ["clip={crop: 32, short_side: 36}", "model.num_classes=2", "data.workers=auto", "data.batch_size=2"]
    recipe = load_recipe("tsm_r50_kinetics400", [*overrides, *small, *settings])
    return open_data_source(recipe, 0, ALONE, report)


def test_a_cache_changes_nothing_but_what_is_decoded(tmp_path, monkeypatch):
    lines: list[str] = []
    plain, cached = (open_videos(tmp_path, lines.append, f"data.cache={cache}") for cache in (False, True))
    for epoch in range(2):
        for one, other in zip(plain.training_batches(epoch), cached.training_batches(epoch), strict=True):
            assert one.clips.equal(other.clips)
        for one, other in zip(plain.validation_batches(epoch), cached.validation_batches(epoch), strict=True):
            assert one.clips.equal(other.clips)
    assert lines == []
    monkeypatch.setattr(data_source, "CACHE_BYTES", 1000)
    full = open_videos(tmp_path, lines.append, "data.cache=true")
    for epoch in range(2):
        list(full.training_batches(epoch))
    (line,) = lines
    assert "data.cache: 4 of 4" in line


@pytest.fixture(scope="module")
def rendered():
    return open_data_source(load_recipe("tin_motion", RENDERED), 0, ALONE, print)


def test_a_lesson_sets_the_size_of_training_and_validation(rendered):
    assert [batch.clips.shape[2] for batch in rendered.training_batches(1)] == [32, 32]
    assert [batch.clips.shape[2] for batch in rendered.training_batches(2)] == [48, 48]
    assert [tuple(batch.clips.shape[:2]) for batch in rendered.validation_batches(2)] == [(2, 1), (1, 1)]


def test_rendered_clips_differ_by_epoch_and_process_and_not_otherwise(rendered):
    def first(epoch, rank=0):
        processes = Processes(torch.device("cpu"), rank=rank, world_size=2)
        source = open_data_source(load_recipe("tin_motion", RENDERED), 0, processes, print)
        return next(iter(source.training_batches(epoch))).clips

    assert torch.equal(first(0), first(0))
    assert not torch.equal(first(0), first(1))
    assert not torch.equal(first(0), first(0, rank=1))


def test_the_validation_set_is_dealt_to_all_processes_and_never_changes(rendered):
    def dealt(rank):
        processes = Processes(torch.device("cpu"), rank=rank, world_size=2)
        return list(open_data_source(load_recipe("tin_motion", RENDERED), 0, processes, print).validation_batches(2))

    whole, first, second = list(rendered.validation_batches(3)), dealt(0), dealt(1)
    assert [len(first), len(second)] == [1, 1]
    for one, other in zip(whole, [*first, *second], strict=True):
        assert torch.equal(one.clips, other.clips)
        assert torch.equal(one.labels, other.labels)
        assert NO_LABEL not in one.labels


def test_the_validation_set_is_the_same_for_every_seed(rendered):
    other = open_data_source(load_recipe("tin_motion", RENDERED), 7, ALONE, print)
    for ours, theirs in zip(rendered.validation_batches(0), other.validation_batches(0), strict=True):
        assert torch.equal(ours.clips, theirs.clips)

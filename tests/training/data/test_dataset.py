import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.decoding.limits import DecodeLimits
from clips.preprocess import preprocess
from clips.sampling import training_indices
from clips.transforms import make_views
from tests.helpers.training.frame_folders import FILE_NAME, read_frame, write_frames
from training.data.augmentation.augmentation import Augmentation
from training.data.augmentation.multi_scale_crop import MultiScaleCrop
from training.data.batch import NO_LABEL
from training.data.dataset import ListedClips, ListedViews, read_views
from training.data.readers import FrameFolderReader, UnreadableItem, VideoReader
from training.lists.item_list import ListItem

READER = FrameFolderReader(FILE_NAME)
WHOLE = Augmentation(short_side=64, crop=MultiScaleCrop(crop=64, scales=(1,)), flip=0.0)
LIVELY = Augmentation(short_side=64, crop=MultiScaleCrop(crop=48, scales=(1, 0.75)), flip=0.5)


@pytest.fixture
def folders(tmp_path):
    """Frame folders of several lengths, one shorter than a clip; their labels are their numbers."""
    return [write_frames(tmp_path / f"{label}", length, label) for label, length in enumerate((20, 5, 33, 16))]


def clips_of(items, reader=READER, augmentation=LIVELY, *, seed=0, max_unreadable=0):
    return ListedClips(items, reader, augmentation, num_frames=8, seed=seed, max_unreadable=max_unreadable)


def make_unreadable(item):
    for file in item.path.iterdir():
        file.write_bytes(b"no picture")


# --- Evaluation ---


@pytest.mark.parametrize("clips", [1, 2])
@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("num_frames", [3, 30])
def test_no_skew_evaluation_sees_what_the_gateway_sees(make_video, view, num_frames, clips):
    spec = ClipSpec(crop=48, short_side=64, view=view, clips=clips)
    path = make_video(num_frames)
    views, label, unreadable = ListedViews([ListItem(path, 2)], VideoReader(), spec, max_unreadable=0)[0]
    assert label == 2
    assert not unreadable
    assert views.dtype == np.uint8
    assert views.shape == (spec.num_views, 8, 48, 48, 3)
    np.testing.assert_array_equal(views, preprocess(path.read_bytes(), spec, DecodeLimits()).views)


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize(
    ("item", "indices"),
    [
        (0, [1, 3, 6, 8, 11, 13, 16, 18]),
        (1, [0, 0, 1, 2, 2, 3, 4, 4]),
        (0, [1, 3, 6, 8, 11, 13, 16, 18, 0, 2, 5, 7, 10, 12, 15, 17]),
    ],
    ids=["20", "5", "20 twice"],
)
def test_no_skew_frame_folders_are_seen_as_videos_are(folders, view, item, indices):
    spec = ClipSpec(crop=48, short_side=64, view=view, clips=len(indices) // 8)
    frames = [read_frame(folders[item], index) for index in indices]
    views, label, _ = ListedViews(folders, READER, spec, max_unreadable=0)[item]
    assert label == item
    np.testing.assert_array_equal(views, make_views(frames, spec))


@pytest.mark.parametrize("view", list(View))
def test_a_broken_item_is_black_and_without_label(folders, view):
    spec = ClipSpec(crop=48, short_side=64, view=view)
    make_unreadable(folders[2])
    dataset = ListedViews(folders, READER, spec, max_unreadable=1)
    views, label, (error,) = dataset[2]
    assert label == NO_LABEL
    assert views.shape == dataset[0].clip.shape
    assert not views.any()
    assert str(error).startswith(f"{folders[2].path}: img_00003.jpg")


def test_views_of_a_broken_item_are_an_error(folders):
    make_unreadable(folders[0])
    with pytest.raises(UnreadableItem):
        read_views(folders[0], READER, ClipSpec())


# --- Training ---


def test_a_clip_has_one_random_frame_of_each_segment(folders):
    """The square's position identifies a frame."""
    dataset = clips_of(folders, augmentation=WHOLE)
    for epoch in range(5):
        clip, label, _ = dataset[epoch, 2]
        candidates = [read_frame(folders[2], index)[:, left : left + 64] for index in range(33) for left in (0, 16, 32)]
        found = [_index_in(candidates, frame) // 3 for frame in clip]
        assert label == 2
        assert [index // 4 for index in found] == list(range(8))


def _index_in(candidates, frame):
    return next(index for index, candidate in enumerate(candidates) if np.array_equal(candidate, frame))


def test_an_excerpt_has_its_frames_in_order_from_a_part_of_the_clip(folders):
    candidates = [read_frame(folders[2], index)[:, left : left + 64] for index in range(33) for left in (0, 16, 32)]
    spans = []
    for seed in range(12):
        clips = ListedClips(folders, READER, WHOLE, num_frames=8, seed=seed, max_unreadable=0, shortest_excerpt=0.5)
        found = [_index_in(candidates, frame) // 3 for frame in clips[0, 2].clip]
        assert found == sorted(found)
        spans.append(found[-1] - found[0])
    assert min(spans) < 20


def test_a_clip_is_that_of_its_seed_epoch_and_item(folders):
    dataset = clips_of(folders)
    clip = dataset[3, 2].clip
    assert clip.shape == (8, 48, 48, 3)
    dataset[0, 1]
    assert np.array_equal(clip, clips_of(folders)[3, 2].clip)
    others = [dataset[4, 2], dataset[3, 0], clips_of(folders, seed=1)[3, 2]]
    assert not any(np.array_equal(clip, other.clip) for other in others)


def test_an_item_that_is_listed_twice_is_seen_twice_in_different_ways(folders):
    dataset = clips_of([folders[2], folders[2]])
    assert not np.array_equal(dataset[0, 0].clip, dataset[0, 1].clip)


def test_a_short_clip_repeats_frames_as_published(folders):
    clip = clips_of(folders, augmentation=WHOLE)[0, 1].clip
    indices = training_indices(5, 8, np.random.default_rng())
    assert indices == [0, 1, 1, 2, 2, 3, 4, 4]
    assert [np.array_equal(clip[i], clip[i + 1]) for i in range(7)] == [indices[i] == indices[i + 1] for i in range(7)]


def test_videos_are_trained_on_as_folders_are(make_video):
    spec = ClipSpec(crop=64, view=View.SQUEEZE)
    path = make_video(8, width=64)
    clip, label, _ = clips_of([ListItem(path, 1)], VideoReader(), WHOLE)[0, 0]
    assert label == 1
    np.testing.assert_array_equal(clip, read_views(ListItem(path, 1), VideoReader(), spec)[0])


def test_a_broken_item_is_replaced_by_another_that_depends_on_its_key_alone(folders):
    make_unreadable(folders[1])
    dataset = clips_of(folders, max_unreadable=1)
    examples = [dataset[epoch, 1] for epoch in range(20)]
    assert {example.label for example in examples} == {0, 2, 3}
    assert all([error.path for error in example.unreadable] == [folders[1].path] for example in examples)
    again = clips_of(folders, max_unreadable=1)
    assert all(np.array_equal(again[epoch, 1].clip, examples[epoch].clip) for epoch in range(20))


@pytest.mark.parametrize(("max_unreadable", "num_errors"), [(0, 1), (2, 3), (100, 4)])
def test_more_broken_items_than_allowed_leave_a_black_clip(folders, max_unreadable, num_errors):
    for item in folders:
        make_unreadable(item)
    dataset = clips_of(folders, max_unreadable=max_unreadable)
    clip, label, unreadable = dataset[0, 1]
    assert label == NO_LABEL
    assert clip.shape == (8, 48, 48, 3)
    assert not clip.any()
    assert len(unreadable) == num_errors > dataset.max_unreadable

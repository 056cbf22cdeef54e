"""Cached and uncached clips are the same to the bit."""

import multiprocessing

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.decoding.decode import decode
from clips.decoding.errors import ClipError
from tests.helpers.videos.alterations import pack_b_pictures
from training.data import cached_reader
from training.data.augmentation.augmentation import Augmentation
from training.data.augmentation.multi_scale_crop import MultiScaleCrop
from training.data.cached_reader import FIRST_FRAMES, CachedReader
from training.data.dataloader import TrainingBatches
from training.data.dataset import ListedClips, ListedViews
from training.data.frame_store import FrameStore
from training.data.readers import UnreadableItem, VideoReader
from training.lists.item_list import ListItem
from training.synthetic.video_encoder import ENCODINGS

CROP = MultiScaleCrop(crop=32, scales=(1, 0.75))
PLENTY = 10**9


@pytest.fixture
def items(make_video, videos, tmp_path):
    """Videos of all encodings, a short and a long one, and three that decode in full, two with an uncertain length."""
    paths = [make_video(6), make_video(2 * FIRST_FRAMES + 9), *(make_video(24, encoding) for encoding in ENCODINGS)]
    whole = videos["avi"]
    for name, content in {"whole": whole, "cut": whole[:-900], "packed": pack_b_pictures(whole)}.items():
        paths.append(tmp_path / f"{name}.avi")
        paths[-1].write_bytes(content)
        assert decode(paths[-1], lambda _: [0]).report.path == "full"
    assert counts_asked_for(tmp_path / "cut.avi")[0] != decode(tmp_path / "cut.avi", lambda _: [0]).video.frames
    return [ListItem(path, number) for number, path in enumerate(paths)]


def counts_asked_for(path):
    """Return the numbers of frames for which `decode` picks, in turn."""
    counts: list[int] = []

    def pick(num_frames):
        counts.append(num_frames)
        return [0]

    decode(path, pick)
    return counts


def clips_of(items, reader, *, squeeze=False, max_unreadable=0):
    augmentation = Augmentation(short_side=40, crop=CROP, flip=0.5, squeeze=squeeze)
    return ListedClips(items, reader(augmentation), augmentation, num_frames=8, seed=3, max_unreadable=max_unreadable)


def uncached(_):
    return VideoReader()


def cached_for(items, limit=PLENTY):
    return lambda augmentation: CachedReader((item.path for item in items), augmentation.resize, limit)


def assert_same(first, second, items, epochs=2):
    for epoch in range(epochs):
        for number in range(len(items)):
            one, other = first[epoch, number], second[epoch, number]
            np.testing.assert_array_equal(one.clip, other.clip)
            assert (one.label, list(map(str, one.unreadable))) == (other.label, list(map(str, other.unreadable)))


@pytest.mark.parametrize(("squeeze", "bytes_at_once"), [(False, 0), (True, 2**27)])
def test_cached_clips_are_the_same_to_the_bit(items, squeeze, bytes_at_once, monkeypatch):
    monkeypatch.setattr(cached_reader, "BYTES_AT_ONCE", bytes_at_once)
    plain, cached = (clips_of(items, reader, squeeze=squeeze) for reader in (uncached, cached_for(items)))
    assert_same(plain, cached, items)


def test_a_video_is_decoded_in_the_first_epoch_only(items, monkeypatch):
    cached = clips_of(items, cached_for(items))
    for number in range(len(items)):
        cached[0, number]
    monkeypatch.setattr(cached_reader, "decode", None)
    monkeypatch.setattr(VideoReader, "read", None)
    assert [cached[1, number].label for number in range(len(items))] == list(range(len(items)))


def test_what_does_not_fit_is_decoded_each_time_and_said(items):
    reader = cached_for(items, limit=8 * 24 * 40 * 60 * 3)(Augmentation(short_side=40, crop=CROP, flip=0.5))
    assert not reader.describe_left_out()
    assert_same(clips_of(items, uncached), clips_of(items, lambda _: reader), items)
    assert f"of {len({item.path for item in items})} videos" in reader.describe_left_out()


def test_a_video_that_breaks_off_late_is_still_read_where_it_can_be(items, monkeypatch):
    def break_late(path, pick_frames):
        clip = decode(path, pick_frames)
        if clip.indices[0] > 0:
            raise ClipError("damaged")
        return clip

    monkeypatch.setattr(cached_reader, "decode", break_late)
    long = [items[1]]
    assert_same(clips_of(long, uncached), clips_of(long, cached_for(long)), long)


def test_an_unreadable_video_is_replaced_as_without_a_cache(items, tmp_path):
    (tmp_path / "none.mp4").write_bytes(b"no video")
    broken = [ListItem(tmp_path / "none.mp4", 9), *items]
    plain, cached = (clips_of(broken, reader, max_unreadable=1) for reader in (uncached, cached_for(broken)))
    assert_same(plain, cached, broken)
    assert isinstance(cached[0, 0].unreadable[0], UnreadableItem)


@pytest.fixture(params=["fork", "spawn"])
def start_method(request):
    """Start method of processes that choose none: that of a command, and that of a process that was spawned itself."""
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(request.param, force=True)
    yield
    multiprocessing.set_start_method(before, force=True)


@pytest.mark.usefixtures("start_method")
def test_workers_share_what_they_decode(items):
    reader = cached_for(items)(Augmentation(short_side=40, crop=CROP, flip=0.5))
    plain, cached = (clips_of(items, made) for made in (uncached, lambda _: reader))
    batches = TrainingBatches(cached, batch_size=3, workers=2, report=print)
    alone = TrainingBatches(plain, batch_size=3, workers=0, report=print)
    for epoch in range(2):
        for one, other in zip(batches.epoch(epoch), alone.epoch(epoch), strict=True):
            assert one.clips.equal(other.clips)
    assert len(reader.read(items[0], range)) == 6
    assert reader.read(items[0], lambda _: [0])[0].shape[0] == 40, "the workers stored it, as it is resized already"


@pytest.mark.parametrize("view", list(View))
def test_stored_views_are_the_same_to_the_bit(items, view, monkeypatch):
    spec = ClipSpec(crop=32, short_side=40, view=view, clips=2)
    plain = ListedViews(items, VideoReader(), spec, max_unreadable=0)
    stored = ListedViews(items, VideoReader(), spec, max_unreadable=0, store=FrameStore(len(items), PLENTY))
    expected = [plain[number].clip for number in range(len(items))]
    for _ in range(2):
        for number, views in enumerate(expected):
            np.testing.assert_array_equal(stored[number].clip, views)
        monkeypatch.setattr(VideoReader, "read", None)

"""A video's views, facts, thumbnails and second sampling."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.decoding.decode import decode
from clips.decoding.limits import DecodeLimits
from clips.preprocess import THUMBNAIL_SHORT_SIDE, preprocess, preprocess_frames
from clips.sampling import shifted_indices
from clips.transforms import make_views

SPEC = ClipSpec(crop=32, short_side=32, view=View.THREE)


def test_a_video_becomes_views_and_facts(videos):
    clip = preprocess(videos["mp4"], SPEC, DecodeLimits())
    assert clip.views.shape == (3, 8, 32, 32, 3)
    assert clip.views.dtype == np.uint8
    assert clip.indices == tuple(range(2, 40, 5))
    assert (clip.video.width, clip.video.height, clip.thumbnails) == (64, 48, ())
    assert clip.decode_seconds > 0
    assert clip.transform_seconds > 0
    assert clip.shifted is None


def test_a_video_sampled_twice_becomes_the_views_of_two_clips(videos):
    spec = replace(SPEC, clips=2)
    clip = preprocess(videos["mp4"], spec, DecodeLimits(), thumbnails=True)
    assert clip.indices == (*range(2, 40, 5), *range(0, 40, 5))
    assert len(clip.times) == 16
    assert len(clip.thumbnails) == 8, "those of the first clip"
    once = preprocess(videos["mp4"], SPEC, DecodeLimits(), thumbnails=True)
    np.testing.assert_array_equal(clip.views[::2], once.views)
    assert clip.thumbnails == once.thumbnails
    starts = decode(videos["mp4"], lambda num_frames: range(0, num_frames, 5))
    np.testing.assert_array_equal(clip.views[1::2], make_views(starts.images, SPEC))


@pytest.mark.parametrize("spec", [SPEC, replace(SPEC, clips=2)], ids=["once", "twice"])
@pytest.mark.parametrize("kind", ["mp4", "avi", "short.mp4"])
def test_a_second_sampling_leaves_the_first_as_it_is(videos, kind, spec):
    alone = preprocess(videos[kind], spec, DecodeLimits(), thumbnails=True)
    clip = preprocess(videos[kind], spec, DecodeLimits(), thumbnails=True, shifted=True)
    np.testing.assert_array_equal(clip.views, alone.views)
    assert (clip.indices, clip.times, clip.thumbnails) == (alone.indices, alone.times, alone.thumbnails)
    expected = decode(videos[kind], lambda num_frames: shifted_indices(num_frames, 8, spec.clips))
    assert clip.shifted is not None
    np.testing.assert_array_equal(clip.shifted.views, make_views(expected.images, spec))
    assert (clip.shifted.indices, clip.shifted.times) == (expected.indices, expected.times)


def test_both_samplings_take_one_decode(videos):
    for kind in ("mp4", "avi"):
        assert preprocess(videos[kind], SPEC, DecodeLimits(), shifted=True).packets_fed <= 40


def test_thumbnails_are_small_and_one_a_frame(videos):
    jpegs = preprocess(videos["large.mp4"], SPEC, DecodeLimits(), thumbnails=True).thumbnails
    assert len(jpegs) == 8
    assert len(set(jpegs)) == 2
    picture = cv2.imdecode(np.frombuffer(jpegs[0], np.uint8), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    assert min(picture.shape[:2]) == THUMBNAIL_SHORT_SIDE


@pytest.mark.parametrize("kind", ["mp4", "short.mp4"])
@pytest.mark.parametrize("clips", [1, 2])
def test_decoded_frames_give_the_views_of_their_video(videos, kind, clips):
    spec = replace(SPEC, clips=clips)
    clip = preprocess(videos[kind], spec, DecodeLimits())
    frames = np.stack(decode(videos[kind], range).images)
    sampled = preprocess_frames(frames, spec)
    np.testing.assert_array_equal(sampled.views, clip.views)
    assert (sampled.indices, sampled.times) == (clip.indices, ())
    np.testing.assert_array_equal(preprocess_frames(frames[..., ::-1], spec).views, clip.views[..., ::-1])


@pytest.mark.parametrize(
    "frames",
    [np.zeros((8, 32, 32, 3), np.float32), np.zeros((8, 32, 32), np.uint8), np.zeros((0, 32, 32, 3), np.uint8)],
    ids=["float", "grey", "empty"],
)
def test_frames_of_another_type_or_shape_are_refused(frames):
    with pytest.raises(ValueError, match="uint8"):
        preprocess_frames(frames, SPEC)

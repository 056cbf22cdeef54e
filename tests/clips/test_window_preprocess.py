"""Windows of a long video: their views equal those that POST /predict builds from the same frames."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from clips import window_preprocess as module
from clips.clip_spec import ClipSpec, View
from clips.decoding.decode import decode
from clips.decoding.errors import LimitExceeded
from clips.decoding.limits import DecodeLimits
from clips.model_input import TimelineEnd, TimelineStart, WindowInput
from clips.preprocess import preprocess
from clips.transforms import crop_frames, make_views
from clips.window_preprocess import preprocess_windows, sample_window
from clips.windows import Window, Windowing, windows_of
from tests.helpers.videos.clip_recipes import CLIPS, recipe_named
from tests.helpers.videos.make_clip import cached_clip

SPEC = ClipSpec(num_frames=8, short_side=36, crop=32)
WINDOWING = Windowing(0.5, 0.2, 100)

NAMES = {
    "x264-pyramid-3",
    "x264-open-gop",
    "x264-varying-rate",
    "x264-turned-90",
    "x264-avi",
    "x264-interlaced",
    "x265-open-gop",
    "mpeg4-avi-b",
    "mpeg4-avi-packed",
    "gif",
}
"""B-frames, open GOPs, AVI; some take the full path, one of them only after its first frame."""


def parts_of(data, spec=SPEC, windowing=WINDOWING, limits=DecodeLimits()):  # noqa: B008
    start, *windows, end = preprocess_windows(data, spec, limits, windowing)
    return start, windows, end


def given(sample, num_frames):
    return sample


@pytest.mark.parametrize(("view", "clips"), [*((view, 1) for view in View), (View.THREE, 2)])
@pytest.mark.parametrize("recipe", [recipe for recipe in CLIPS if recipe.name in NAMES], ids=lambda recipe: recipe.name)
def test_each_window_equals_a_decode_of_its_frames_to_the_bit(recipe, view, clips):
    spec = ClipSpec(num_frames=8, short_side=36, crop=32, view=view, clips=clips)
    whole = decode(cached_clip(recipe), range)
    start, windows, end = parts_of(cached_clip(recipe), spec)
    assert isinstance(start, TimelineStart)
    assert isinstance(end, TimelineEnd)
    assert start.num_windows == len(windows) > 3
    assert (start.video.frames, start.video.width) == (whole.video.frames, whole.video.width)
    for window in windows:
        assert isinstance(window, WindowInput)
        times = sorted(whole.times)
        sample = sample_window(Window(window.start_seconds, window.end_seconds), times, spec)
        clip = decode(cached_clip(recipe), functools.partial(given, sample))
        np.testing.assert_array_equal(window.views, make_views(clip.images, spec))


@pytest.mark.parametrize("clips", [1, 2])
def test_a_clip_of_one_window_is_what_predict_sees(clips):
    recipe, spec = recipe_named("x264-7-frames"), replace(SPEC, clips=clips)
    _, (window,), end = parts_of(cached_clip(recipe), spec, windowing=Windowing(2, 1, 9))
    whole = preprocess(cached_clip(recipe), spec, DecodeLimits())
    np.testing.assert_array_equal(window.views, whole.views)
    assert end.packets_fed == whole.packets_fed


def test_each_frame_is_transformed_once_and_forgotten_when_no_window_needs_it(monkeypatch):
    recipe = recipe_named("x264-300-frames")
    transformed, held = [], []
    transform, views_of = crop_frames, module._FrameViews.views_of

    def noting(images, spec):
        transformed.append(images)
        return transform(images, spec)

    def weighing(frames, sample):
        views = views_of(frames, sample)
        held.append(len(frames._crops_of))
        return views

    monkeypatch.setattr(module, "crop_frames", noting)
    monkeypatch.setattr(module._FrameViews, "views_of", weighing)
    windowing = Windowing(2, 0.5, 100)
    _, windows, end = parts_of(cached_clip(recipe), windowing=windowing)
    times = [index / 25 for index in range(300)]
    samples = [sample_window(window, times, SPEC) for window in windows_of(12, windowing)]
    assert len(windows) == len(samples) == 21
    assert len(transformed) == len({index for sample in samples for index in sample})
    assert max(held) <= 8 * 4
    assert end.packets_fed <= 300


def test_too_many_windows_are_an_error_before_anything_is_decoded():
    recipe = recipe_named("x264-300-frames")
    with pytest.raises(LimitExceeded, match=r"window_seconds=2\.4 and"):
        next(preprocess_windows(cached_clip(recipe), SPEC, DecodeLimits(), Windowing(2, 1, 5)))

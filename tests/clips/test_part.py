"""Parts of a video: their frames are sampled as if they were a clip of their own, and little else is decoded."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from clips.clip_spec import ClipSpec
from clips.decoding.decode import decode
from clips.decoding.errors import NoSuchPart
from clips.decoding.limits import DecodeLimits
from clips.model_input import TimelineEnd, TimelineStart, WindowInput
from clips.part import WHOLE, Part
from clips.preprocess import preprocess, preprocess_frames
from clips.sampling import shifted_indices
from clips.transforms import make_views
from clips.window_preprocess import preprocess_windows
from clips.windows import Windowing
from tests.helpers.videos.clip_recipes import CLIPS, recipe_named
from tests.helpers.videos.make_clip import cached_clip

SPEC = ClipSpec(num_frames=4, short_side=36, crop=32)
TIMES = [index / 25 for index in range(100)]

MINIMAL = {
    "x264-pyramid-3",
    "x264-open-gop",
    "x264-varying-rate",
    "x264-turned-90",
    "x265-open-gop",
    "mpeg4-avi-b",
    "vp9-alt-ref",
}
FULL = {"x264-raw", "x264-avi", "x264-interlaced", "x264-ps", "mpeg4-avi-packed", "gif"}
by_recipe = pytest.mark.parametrize(
    "recipe", [recipe for recipe in CLIPS if recipe.name in MINIMAL | FULL], ids=lambda recipe: recipe.name
)
PARTS = [Part(0.3, 0.9), Part(0.75), Part(0, 0.5), Part(0.44, 0.52)]


@pytest.mark.parametrize(
    ("part", "frames"),
    [
        (WHOLE, range(100)),
        (Part(1), range(25, 100)),
        (Part(0, 1), range(25)),
        (Part(1.01, 2.01), range(26, 51)),
        (Part(0.3, 0.6), range(8, 15)),
        (Part(3.96, 4.0), range(99, 100)),
    ],
)
def test_frames_are_those_that_begin_in_it(part: Part, frames: range) -> None:
    assert part.frames(TIMES, 4.0) == frames


@pytest.mark.parametrize(
    ("start", "end"), [(-1, None), (2, 2), (2, 1), (math.nan, None), (0, math.inf), (math.inf, None)]
)
def test_a_part_that_no_video_has_is_a_value_error(start: float, end: float | None) -> None:
    with pytest.raises(ValueError, match="part"):
        Part(start, end)


@pytest.mark.parametrize("part", [Part(4.0), Part(5, 6), Part(0.01, 0.03)])
def test_a_part_behind_the_end_or_between_two_frames_is_an_error_of_the_video(part: Part) -> None:
    with pytest.raises(NoSuchPart):
        part.frames(TIMES, 4.0)


def test_an_end_behind_the_end_of_the_video_is_that_of_the_video() -> None:
    assert Part(3, 100).frames(TIMES, 4.0) == Part(3).frames(TIMES, 4.0)
    assert Part(3, 100).end_in(4.0) == 4.0
    assert Part(0, 100).frames([0.0], 0.0) == range(1), "a single frame of unknown length"


@pytest.mark.parametrize("part", PARTS, ids=str)
@by_recipe
def test_its_views_are_those_of_its_frames_as_a_clip_of_their_own(recipe, part):
    data = cached_clip(recipe)
    whole = decode(data, range)
    within = part.frames(sorted(whole.times), whole.video.duration_seconds)
    frames = whole.images[within.start : within.stop]
    sampled = preprocess(data, SPEC, DecodeLimits(), shifted=True, part=part)
    alone = preprocess_frames(frames, SPEC)
    np.testing.assert_array_equal(sampled.views, alone.views)
    assert sampled.indices == tuple(within[index] for index in alone.indices)
    assert sampled.times == pytest.approx([whole.times[index] for index in sampled.indices])
    assert sampled.video == whole.video
    assert sampled.shifted is not None
    shifted = shifted_indices(len(frames), SPEC.num_frames)
    np.testing.assert_array_equal(sampled.shifted.views, make_views([frames[index] for index in shifted], SPEC))


@pytest.mark.parametrize("part", PARTS[:3], ids=str)
@by_recipe
def test_its_windows_are_those_of_its_frames(recipe, part):
    data = cached_clip(recipe)
    whole = decode(data, range)
    times, duration = sorted(whole.times), whole.video.duration_seconds
    within = part.frames(times, duration)
    start, *windows, end = preprocess_windows(data, SPEC, DecodeLimits(), Windowing(0.3, 0.2, 99), part=part)
    assert isinstance(start, TimelineStart)
    assert isinstance(end, TimelineEnd)
    assert start.num_windows == len(windows) > 1
    seconds = [(window.start_seconds, window.end_seconds) for window in windows if isinstance(window, WindowInput)]
    assert seconds[0][0] == part.start
    assert seconds[-1][1] == pytest.approx(part.end or duration)
    for window, (begin, until) in zip(windows, seconds, strict=True):
        assert isinstance(window, WindowInput)
        shown = [index for index in within if begin - 1e-6 <= times[index] < until - 1e-6]
        frames = [whole.images[index] for index in shown]
        np.testing.assert_array_equal(window.views, preprocess_frames(frames, SPEC).views)


def test_only_what_it_needs_is_decoded():
    recipe = recipe_named("x264-300-frames")
    data, part = cached_clip(recipe), Part(6, 7)
    clip = preprocess(data, SPEC, DecodeLimits(), part=part)
    assert clip.indices == (153, 159, 165, 171)
    assert clip.packets_fed <= 25 + recipe.gop
    *_, end = preprocess_windows(data, SPEC, DecodeLimits(), Windowing(0.5, 0.25, 99), part=part)
    assert isinstance(end, TimelineEnd)
    assert end.packets_fed <= 25 + recipe.gop


def test_all_of_a_video_as_a_part_is_the_video():
    data = cached_clip(recipe_named("x264-open-gop"))
    whole = preprocess(data, SPEC, DecodeLimits())
    part = preprocess(data, SPEC, DecodeLimits(), part=Part(0, whole.video.duration_seconds))
    np.testing.assert_array_equal(part.views, whole.views)
    assert (part.indices, part.packets_fed) == (whole.indices, whole.packets_fed)


@pytest.mark.parametrize("name", ["x264-open-gop", "x264-raw"])
def test_an_error_names_the_end_of_the_video(name):
    data = cached_clip(recipe_named(name))
    for part in (Part(2), Part(2, 3)):
        with pytest.raises(NoSuchPart, match=r"ends after 1\.6 s"):
            preprocess(data, SPEC, DecodeLimits(), part=part)
        with pytest.raises(NoSuchPart, match=r"ends after 1\.6 s"):
            next(preprocess_windows(data, SPEC, DecodeLimits(), Windowing(1, 1, 9), part=part))


def test_a_folder_of_frames_has_parts_too(tmp_path: Path) -> None:
    for index in range(50):
        cv2.imwrite(str(tmp_path / f"{index:03}.png"), np.full((40, 40, 3), index, np.uint8))
    clip = preprocess(tmp_path, replace(SPEC, num_frames=2), DecodeLimits(), part=Part(1, 1.4))
    assert clip.indices == (27, 32)
    assert clip.times == pytest.approx((27 / 25, 32 / 25))
    assert clip.views[0, :, 0, 0, 0].tolist() == [27, 32]

"""Sliding windows over frames that come one by one: exactly those of the whole video."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.decoding.limits import DecodeLimits
from clips.decoding.stream import open_stream
from clips.model_input import WindowInput
from clips.window_preprocess import preprocess_windows
from clips.windows import Windowing
from service.live.sliding_windows import SlidingWindows
from tests.helpers.videos.clip_recipes import recipe_named
from tests.helpers.videos.make_clip import cached_clip

SPEC = ClipSpec(crop=16, short_side=20, view=View.CENTRE)


def live_windows(video: bytes, windowing: Windowing, spec: ClipSpec) -> list[WindowInput]:
    windows = SlidingWindows(spec, windowing)
    with open_stream(video) as stream:
        found = [
            window
            for index, image in stream.frames(range(len(stream.times)))
            for window in windows.add(stream.times[index], image)
        ]
        frame_seconds = stream.duration_seconds - stream.times[-1]
    return [*found, *windows.finish(frame_seconds)]


def assert_same(video: bytes, windowing: Windowing, spec: ClipSpec = SPEC) -> None:
    _, *whole, _ = preprocess_windows(video, spec, DecodeLimits(), windowing)
    live = live_windows(video, windowing, spec)
    assert len(live) == len(whole)
    for window, other in zip(live, whole, strict=True):
        assert isinstance(other, WindowInput)
        assert (window.start_seconds, window.end_seconds) == (other.start_seconds, other.end_seconds)
        assert np.array_equal(window.views, other.views)


@pytest.mark.parametrize(
    ("window_seconds", "step_seconds"),
    [(0.5, 0.25), (0.5, 0.5), (0.4, 0.15), (0.37, 0.11), (0.02, 0.01), (1.6, 0.8), (9, 4)],
)
def test_windows_and_frames_are_those_of_the_whole_video(window_seconds: float, step_seconds: float) -> None:
    assert_same(cached_clip(recipe_named("x264-no-b")), Windowing(window_seconds, step_seconds, 1000))


def test_a_varying_rate_and_two_clips_of_three_crops() -> None:
    video = cached_clip(recipe_named("x264-varying-rate"))
    assert_same(video, Windowing(0.5, 0.3, 1000), ClipSpec(crop=16, view=View.THREE, clips=2))


def test_one_frame_is_one_window(make_video) -> None:
    assert_same(Path(make_video(1)).read_bytes(), Windowing(2, 1, 1000))


def test_no_frame_is_no_window() -> None:
    assert list(SlidingWindows(SPEC, Windowing(2, 1, sys.maxsize)).finish(0.04)) == []

"""The sliding windows of a long video, and which of its frames lie in each. All times are in seconds."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from clips.decoding.errors import LimitExceeded

ROUNDING = 1e-6
"""Times that are closer than that are the same."""


@dataclass(frozen=True)
class Windowing:
    """Windows of `window_seconds`, one every `step_seconds`, at most `max_windows`.

    Raises ValueError where nothing would lie in the windows, or something between them.
    """

    window_seconds: float
    step_seconds: float
    max_windows: int

    def __post_init__(self) -> None:
        if not 0 < self.step_seconds <= self.window_seconds < math.inf or self.max_windows < 1:
            raise ValueError(f"{self} leaves something of a video out, or everything")


@dataclass(frozen=True)
class Window:
    """A stretch of a video: from its start on, up to its end."""

    start: float
    end: float


def windows_of(duration: float, windowing: Windowing) -> list[Window]:
    """The windows in order of time, the last one ending at the video's end; a shorter video is one window.

        duration 5.5, windows of 2 every 1     0-2  1-3  2-4  3-5  3.5-5.5

    Raises LimitExceeded, which names a step that would do, for too many.
    """
    length, step = windowing.window_seconds, windowing.step_seconds
    if duration <= length + ROUNDING:
        return [Window(0.0, duration)]
    last_start = duration - length
    num_steps = math.ceil(last_start / step - ROUNDING)
    if num_steps >= windowing.max_windows:
        raise _too_many(duration, num_steps + 1, windowing)
    starts = [index * step for index in range(num_steps)]
    return [*(Window(start, start + length) for start in starts), Window(last_start, duration)]


def frames_within(window: Window, times: Sequence[float]) -> range:
    """Which of the frames with these rising times begin to be shown in the window.

    Where none does, it is the one that is shown all the while.
    """
    first = bisect_left(times, window.start - ROUNDING)
    end = bisect_left(times, window.end - ROUNDING)
    return range(first, end) if first < end else range(max(0, first - 1), max(1, first))


def _too_many(duration: float, num_windows: int, windowing: Windowing) -> LimitExceeded:
    length, most = windowing.window_seconds, windowing.max_windows
    advice = f"step_seconds={_fitting_step(duration, windowing):g} would fit"
    if _fitting_step(duration, windowing) > length:
        length = _rounded_up(duration / most)
        advice = f"window_seconds={length:g} and step_seconds={length:g} would fit"
    told = f"{duration:g} s in steps of {windowing.step_seconds:g} s are {num_windows:,} windows"
    return LimitExceeded(f"{told}; at most {most:,} are taken: {advice}")


def _fitting_step(duration: float, windowing: Windowing) -> float:
    most_steps = windowing.max_windows - 1
    return _rounded_up((duration - windowing.window_seconds) / most_steps) if most_steps else math.inf


def _rounded_up(seconds: float) -> float:
    """To milliseconds."""
    return math.ceil(seconds * 1000) / 1000

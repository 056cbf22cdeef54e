"""Sliding windows over a long video, and the frames in each. All times are in seconds."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from clips.decoding.errors import LimitExceeded
from clips.part import ROUNDING


@dataclass(frozen=True)
class Windowing:
    """Parameters of sliding windows: length, step, and the most that are allowed.

    Raises ValueError unless 0 < `step_seconds` <= `window_seconds` < infinity and `max_windows` >= 1. A longer step
    would leave out parts of the video.
    """

    window_seconds: float
    step_seconds: float
    max_windows: int

    def __post_init__(self) -> None:
        if not 0 < self.step_seconds <= self.window_seconds < math.inf or self.max_windows < 1:
            raise ValueError(f"{self} needs 0 < step_seconds <= window_seconds, both finite, and max_windows >= 1")


@dataclass(frozen=True)
class Window:
    """A time span of a video, from `start` (inclusive) to `end` (exclusive)."""

    start: float
    end: float


def windows_of(end: float, windowing: Windowing, begin: float = 0.0) -> list[Window]:
    """Return the windows from `begin` to `end` in order of time; the last one ends there, a shorter stretch is one.

        windows_of(5.5, Windowing(2, 1, 100))    # 0-2, 1-3, 2-4, 3-5, 3.5-5.5

    Raises LimitExceeded for more than `max_windows`; the message names a step that fits.
    """
    length, step, duration = windowing.window_seconds, windowing.step_seconds, end - begin
    if duration <= length + ROUNDING:
        return [Window(begin, end)]
    last_start = duration - length
    num_steps = math.ceil(last_start / step - ROUNDING)
    if num_steps >= windowing.max_windows:
        raise _too_many(duration, num_steps + 1, windowing)
    starts = [begin + index * step for index in range(num_steps)]
    return [*(Window(start, start + length) for start in starts), Window(begin + last_start, end)]


def frames_within(window: Window, times: Sequence[float], allowed: range | None = None) -> range:
    """Return the indices of the frames that begin in the window; `times` are those of all frames, ascending.

    A window in which no frame begins has one frame: the one shown throughout. `allowed` are the frames to choose from,
    all unless given.
    """
    least, most = (allowed.start, allowed.stop) if allowed else (0, len(times))
    first = bisect_left(times, window.start - ROUNDING, least, most)
    end = bisect_left(times, window.end - ROUNDING, least, most)
    return range(first, end) if first < end else range(max(least, first - 1), max(least + 1, first))


def _too_many(duration: float, num_windows: int, windowing: Windowing) -> LimitExceeded:
    length, most = windowing.window_seconds, windowing.max_windows
    advice = f"step_seconds={_fitting_step(duration, windowing):g} would fit"
    if _fitting_step(duration, windowing) > length:
        length = _rounded_up(duration / most)
        advice = f"window_seconds={length:g} and step_seconds={length:g} would fit"
    excess = f"{duration:g} s in steps of {windowing.step_seconds:g} s are {num_windows:,} windows"
    return LimitExceeded(f"{excess}; at most {most:,} are allowed: {advice}")


def _fitting_step(duration: float, windowing: Windowing) -> float:
    most_steps = windowing.max_windows - 1
    return _rounded_up((duration - windowing.window_seconds) / most_steps) if most_steps else math.inf


def _rounded_up(seconds: float) -> float:
    """Round up to milliseconds."""
    return math.ceil(seconds * 1000) / 1000

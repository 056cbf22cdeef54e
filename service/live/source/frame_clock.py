"""Frame clock: times of the frames of one connection, strictly rising from 0 whatever the source's clock does."""

from __future__ import annotations

import time
from collections.abc import Callable

from clips.decoding.frame_times import MIN_RESET_SECONDS, MIN_STEP_SECONDS

MOST_AHEAD_SECONDS = 10.0
"""A live clock that jumps ahead further has been set anew; no connection is silent for so long."""


class FrameClock:
    """Times of frames in seconds from the first one.

    A sound clock keeps its times. After a jump, and for a frame without a time, time goes on by what has passed: for a
    live source on this machine's clock, for a recorded one by the duration of a frame.

    Args:
        frame_seconds: Average duration of a frame, or 0 where it is not known.
        is_live: True for a source that cannot be faster than time itself.
        now: This machine's clock, in seconds.
    """

    def __init__(self, frame_seconds: float, is_live: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._frame_seconds = frame_seconds
        self._is_live = is_live
        self._now = now
        self._shift: float | None = None
        self._latest = 0.0
        self._seen_at = 0.0

    def time_of(self, seconds: float | None) -> float:
        """Return the time of the next frame; `seconds` is the source's own."""
        now = self._now()
        if self._shift is None:
            self._shift, self._seen_at = -(seconds or 0.0), now
            return self._latest
        step = now - self._seen_at if self._is_live else self._frame_seconds
        if seconds is None:
            seconds = self._latest + step - self._shift
        elif self._has_jumped(seconds + self._shift - self._latest):
            self._shift = self._latest + step - seconds
        self._latest = max(seconds + self._shift, self._latest + MIN_STEP_SECONDS)
        self._seen_at = now
        return self._latest

    def _has_jumped(self, step: float) -> bool:
        return step < -MIN_RESET_SECONDS or (self._is_live and step > MOST_AHEAD_SECONDS)

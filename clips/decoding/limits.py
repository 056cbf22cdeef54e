"""Limits of one decode, since an upload may be hostile: upper bounds, and the clock that one of them needs."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from clips.decoding.errors import LimitExceeded


@dataclass(frozen=True, kw_only=True)
class DecodeLimits:
    """Upper bounds for one decode; a video beyond one raises `LimitExceeded`, which names it.

        decode("clip.mp4", pick_frames, DecodeLimits(max_frames=1_000))

    `max_bytes` bounds the file, `max_pixels_per_frame` is width times height, and `max_cpu_seconds` is CPU time of the
    decoding thread, or of the process where several threads decode. Raises ValueError, naming the field, for a limit
    that is not positive.
    """

    max_bytes: int = 100_000_000
    max_packets: int = 100_000
    max_pixels_per_frame: int = 4096 * 2304
    max_frames: int = 50_000
    max_cpu_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name, limit in vars(self).items():
            if limit <= 0:
                raise ValueError(f"DecodeLimits.{name} must be positive, not {limit!r}")


DEFAULT_LIMITS = DecodeLimits()

NUM_CORES = os.cpu_count() or 1
"""Counted at import: the C library opens a file for it, which a confined process may not."""


class CpuClock:
    """Counts the CPU seconds of this thread, or of all threads of the process where `threads` of them decode."""

    def __init__(self, max_seconds: float, threads: int = 1) -> None:
        self._max_seconds = max_seconds
        self._now = time.thread_time if threads == 1 else time.process_time
        self._num_cores = 1 if threads == 1 else NUM_CORES
        self._start = self._now()
        self._earliest_end = time.monotonic() + max_seconds / self._num_cores

    def check(self) -> None:
        """Raise LimitExceeded once the time is used up."""
        # to read the CPU's clock is a system call, which may take as long as a small picture
        if time.monotonic() < self._earliest_end:
            return
        seconds_left = self._max_seconds - (self._now() - self._start)
        if seconds_left < 0:
            limit = f"{self._max_seconds:g} s of CPU time"
            raise LimitExceeded(f"decoding takes more than {limit}; send a shorter or smaller video")
        self._earliest_end = time.monotonic() + seconds_left / self._num_cores

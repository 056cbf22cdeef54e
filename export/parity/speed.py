"""Speed of a backend, as a multiple of another's: CPU time of one clip, medians of interleaved rounds."""

from __future__ import annotations

import statistics
import time

from service.backends.base import Backend, Clips

ROUNDS = 9


def speedup(backend: Backend, other: Backend, clip: Clips, rounds: int = ROUNDS) -> float:
    """Return how many times as fast as `other` a backend runs a clip, uint8 [1, T, H, W, 3]."""
    for each in (backend, other):
        each.infer(clip)  # the first run of a graph allocates
    return statistics.median(_seconds(other, clip) / _seconds(backend, clip) for _ in range(rounds))


def _seconds(backend: Backend, clip: Clips) -> float:
    start = time.process_time()
    backend.infer(clip)
    return time.process_time() - start

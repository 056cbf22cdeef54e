"""How long a video takes of the whole service, measured as videos leave it."""

from __future__ import annotations

import math


class ServiceTime:
    """A running mean of the seconds of work per video, over the workers that share it.

    The newest video counts for `1 / window`, so that a change of clips shows within that many.
    """

    def __init__(self, workers: int, window: int = 32) -> None:
        self._workers = workers
        self._window = window
        self._num_seen = 0
        self.mean_seconds = 0.0
        """Between two videos that leave, when there is enough to do; 0 before the first one."""

    def add(self, seconds: float) -> None:
        """One video took this long of one worker."""
        self._num_seen = min(self._num_seen + 1, self._window)
        self.mean_seconds += (seconds / self._workers - self.mean_seconds) / self._num_seen

    def retry_after(self, num_videos: int) -> int:
        """In how many whole seconds so many videos will have left; at least 1."""
        return max(1, math.ceil(num_videos * self.mean_seconds))

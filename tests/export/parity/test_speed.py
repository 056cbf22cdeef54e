"""Speed of two backends that take a given time each, on a clock of their own."""

import numpy as np
import pytest

from export.parity import speed
from service.backends.base import Outputs


class Clock:
    """Time that only backends let pass."""

    seconds = 0.0

    def process_time(self):
        return self.seconds


class TimedBackend:
    """Takes the given seconds at each run; the first takes ten times as long."""

    max_batch_size = 1

    def __init__(self, clock, seconds):
        self._clock, self._seconds, self._is_warm = clock, seconds, False

    def infer(self, clips):
        self._clock.seconds += self._seconds if self._is_warm else 10 * self._seconds
        self._is_warm = True
        return Outputs(np.zeros((len(clips), 2), np.float32))

    def close(self):
        pass


def test_the_first_run_does_not_count(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(speed, "time", clock)
    clip = np.zeros((1, 2, 4, 4, 3), np.uint8)
    assert speed.speedup(TimedBackend(clock, 0.2), TimedBackend(clock, 0.3), clip) == pytest.approx(1.5)

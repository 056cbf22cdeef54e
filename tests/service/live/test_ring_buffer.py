"""Ring buffer: bounded, and in order."""

from __future__ import annotations

import numpy as np
import pytest

from service.live.ring_buffer import RingBuffer


def crops(value: int) -> np.ndarray:
    return np.full((1, 1, 4, 4, 3), value, np.uint8)


def test_it_keeps_what_is_shown() -> None:
    ring = RingBuffer()
    for index in range(5):
        ring.add(float(index), crops(index))
    ring.forget_before(2.5)
    assert ring.times == [2.0, 3.0, 4.0]
    assert ring.frames([0, 0, 2])[0, :, 0, 0, 0].tolist() == [2, 2, 4]


def test_a_long_window_is_thinned() -> None:
    ring = RingBuffer(most_bytes=10 * crops(0).nbytes)
    for index in range(100):
        if ring.takes_next():
            ring.add(float(index), crops(index))
        assert len(ring.times) <= 10
    assert np.diff(ring.times) == pytest.approx(16.0)
    assert ring.times[-1] == 96.0

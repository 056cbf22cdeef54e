"""Ring buffer: the crops of the latest frames, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 256 << 20
"""Of crops: one second at 25 frames per second takes 3.8 MB of one crop of 224 x 224."""


class RingBuffer:
    """Crops of frames, uint8 [C, 1, crop, crop, 3], in order of time.

    When they reach `most_bytes`, every second one is dropped, and from then on every second, fourth, ... new frame is
    kept: a very long window is sampled from fewer frames.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: deque[tuple[float, NDArray[np.uint8]]] = deque()
        self._stride = 1
        self._seen = 0

    @property
    def times(self) -> list[float]:
        """Times of the frames, ascending, in seconds."""
        return [seconds for seconds, _ in self._kept]

    def takes_next(self) -> bool:
        """Return True if the next frame is to be added, False if it is left out."""
        self._seen += 1
        return (self._seen - 1) % self._stride == 0

    def add(self, seconds: float, crops: NDArray[np.uint8]) -> None:
        """Add a frame, later than those before."""
        if (len(self._kept) + 1) * crops.nbytes > self._most_bytes and len(self._kept) > 1:
            self._kept = deque(list(self._kept)[::2])
            self._stride *= 2
        self._kept.append((seconds, crops))

    def forget_before(self, seconds: float) -> None:
        """Drop the frames that are no longer shown at this time."""
        while len(self._kept) > 1 and self._kept[1][0] <= seconds:
            self._kept.popleft()

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """Return the frames of these indices, in order: crops [C, N, crop, crop, 3]."""
        return np.concatenate([self._kept[index][1] for index in indices], axis=1)

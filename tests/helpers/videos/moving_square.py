"""Frames of a moving square, each different from every other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def moving_square(num_frames: int, width: int = 96, height: int = 64) -> list[NDArray[np.uint8]]:
    """A bright square that moves right over a dark gradient; every frame differs from every other."""
    frames = []
    for index in range(num_frames):
        frame = np.zeros((height, width, 3), np.uint8)
        frame[..., 0] = np.linspace(0, 90, width, dtype=np.uint8)
        left = 4 + index * (width - 24) // max(num_frames, 1)
        frame[20:36, left : left + 16] = (240, 200, 40)
        frames.append(frame)
    return frames

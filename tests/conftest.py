"""What tests of several packages share: real video files, made with real encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.encode import ENCODINGS, Encoding, encode_video

H264 = ENCODINGS[0]


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


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Writes a moving square to a file: number of frames, encoding, frame size."""

    def make(num_frames: int = 20, encoding: Encoding = H264, width: int = 96, height: int = 64) -> Path:
        path = tmp_path / f"{num_frames}-{encoding.encoder}.{encoding.container}"
        path.write_bytes(encode_video(moving_square(num_frames, width, height), encoding, 25))
        return path

    return make

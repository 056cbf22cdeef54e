"""A film for Chromium's fake camera (`--use-file-for-fake-video-capture`): raw frames in YUV4MPEG2."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def write_y4m(path: Path, frames: Iterable[NDArray[np.uint8]], rate: int = 25) -> Path:
    """Write uint8 [H, W, 3] RGB frames of one even size; return the path."""
    with path.open("wb") as file:
        for number, frame in enumerate(frames):
            height, width, _ = frame.shape
            if number == 0:
                file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv420p")
            file.write(b"FRAME\n" + picture.to_ndarray().tobytes())
    return path

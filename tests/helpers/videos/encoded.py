"""Small videos and sounds, encoded with PyAV."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np


def encode(
    container: str, codec: str, frames: int, *, width: int = 64, height: int = 48, max_b_frames: int = 0
) -> bytes:
    """Encode a blue video with a moving white mark, at 25 frames per second."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.max_b_frames = max_b_frames
        for index in range(frames):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(_picture(index, width, height), format="rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


def _picture(index: int, width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    picture = np.full((height, width, 3), (10, 20, 220), np.uint8)
    picture[height // 4 : height // 2, index % width : index % width + 8] = 255
    return picture


def encode_audio(container: str, codec: str) -> bytes:
    """Encode a short silence."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        frame.sample_rate = 44100
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()

"""Encoding of frames to a video file in memory, for evaluation and tests with real codecs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clips.decoding.frames import Image


@dataclass(frozen=True)
class Encoding:
    """Container, encoder and encoder options, by FFmpeg's names."""

    container: str
    encoder: str
    options: dict[str, str] = field(default_factory=dict)


ENCODINGS = (
    Encoding("mp4", "libx264", {"crf": "28", "preset": "veryfast"}),
    Encoding("mp4", "libx264", {"crf": "35", "preset": "veryfast"}),
    Encoding("avi", "mpeg4", {"qscale": "6", "flags": "+qscale", "global_quality": str(6 * 118)}),
    Encoding("webm", "libvpx-vp9", {"crf": "36", "b": "0", "deadline": "realtime", "cpu-used": "8"}),
    Encoding("mov", "mjpeg", {"flags": "+qscale", "global_quality": str(8 * 118)}),
)
"""Typical formats and qualities of user videos."""


def encode_video(frames: Sequence[Image], encoding: Encoding, frames_per_second: int) -> bytes:
    """Encode frames, uint8 [H, W, 3] of one size with even sides, to the bytes of a video file."""
    file = io.BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(file, "w", format=encoding.container) as container:
        stream = container.add_stream(encoding.encoder, rate=Fraction(frames_per_second), options=encoding.options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuvj420p" if encoding.encoder == "mjpeg" else "yuv420p"
        for frame in frames:
            container.mux(stream.encode(VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()

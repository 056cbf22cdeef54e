"""Facts about a video that a response reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoInfo:
    """Facts about a video: FFmpeg's names of container and codec, size, number of frames, duration.

    `width` and `height` are in pixels of the upright picture; `frames` are counted, not read from a header.
    """

    container: str
    codec: str
    width: int
    height: int
    frames: int
    duration_seconds: float

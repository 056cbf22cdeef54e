"""Results of preprocessing: a video's model input, whole or window by window; importing it needs no decoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clips.video_info import VideoInfo


@dataclass(frozen=True)
class Sampling:
    """Sampled frames of one video as V views of T frames: `views` is uint8 [V, T, crop, crop, 3], RGB.

    `indices` are those of the frames of all clips, one clip after the other; `times` are in seconds from the video's
    first frame.
    """

    views: NDArray[np.uint8]
    indices: tuple[int, ...]
    times: tuple[float, ...]


@dataclass(frozen=True)
class ModelInput(Sampling):
    """The sampled frames of a request, and what its response reports about the video.

    `shifted` is a second sampling of other frames (clips.sampling), or None; `thumbnails` are JPEGs, one for each frame
    of the first clip, or empty.
    """

    video: VideoInfo
    shifted: Sampling | None
    thumbnails: tuple[bytes, ...]
    packets_fed: int
    """Number of packets given to the decoder."""
    started_at: float
    """Unix time in seconds."""
    decode_seconds: float
    transform_seconds: float


@dataclass(frozen=True)
class TimelineStart:
    """First part of a timeline: facts about the video, and the number of windows that follow."""

    video: VideoInfo
    num_windows: int


@dataclass(frozen=True)
class WindowInput:
    """Sampled frames of one window as V views of T frames: `views` is uint8 [V, T, crop, crop, 3], RGB."""

    start_seconds: float
    end_seconds: float
    views: NDArray[np.uint8]


@dataclass(frozen=True)
class TimelineEnd:
    """Last part of a timeline: packets given to the decoder, and the seconds spent on decoding and transforms."""

    packets_fed: int
    decode_seconds: float
    transform_seconds: float


TimelinePart = TimelineStart | WindowInput | TimelineEnd

"""Decoded frames: every frame of a video, and the pixels, size and time of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clips.decoding.container import OpenVideo

Image = NDArray[np.uint8]
"""One picture: uint8 [H, W, 3], RGB."""


@dataclass(frozen=True)
class VideoInfo:
    """Facts about a video: FFmpeg's names of container and codec, size, number of frames, duration.

    `width` and `height` are in pixels after rotation; `frames` are counted, not read from a header.
    """

    container: str
    codec: str
    width: int
    height: int
    frames: int
    duration_seconds: float


def describe(video: OpenVideo, size: tuple[int, int], num_frames: int, seconds_to_last: float) -> VideoInfo:
    """Put a video's facts together.

    Args:
        video: the open file.
        size: width and height in pixels, after rotation.
        num_frames: number of frames that are shown.
        seconds_to_last: time from the first frame to the last.
    """
    width, height = size
    return VideoInfo(
        container=video.container.format.name,
        codec=video.codec,
        width=width,
        height=height,
        frames=num_frames,
        duration_seconds=seconds_to_last + frame_seconds(video.stream),
    )


def every_frame(video: OpenVideo) -> Iterator[VideoFrame]:
    """Decode every packet and yield the frames in output order; skip packets that do not decode, as players do.

    Raises LimitExceeded for too many frames, and whatever `OpenVideo.packets` raises.
    """
    count = 0
    for packet in chain(video.packets(), [None]):
        video.clock.check()
        try:
            frames = video.stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            continue
        for frame in frames:
            count += 1
            video.check_frames(count)
            yield frame


class Converter:
    """Converts decoded frames to RGB images; keeps FFmpeg's scaler between frames."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def upright(self, frame: VideoFrame) -> Image:
        """Convert to uint8 [H, W, 3], RGB, with rotation metadata applied.

        The array is a view of FFmpeg's memory, so copy it before the next frame.
        """
        # one thread, since FFmpeg would start new ones for every frame
        rgb = self._reformatter.reformat(frame, format="rgb24", threads=1).planes[0]
        rows = np.frombuffer(memoryview(rgb), np.uint8).reshape(rgb.height, rgb.line_size)
        return np.rot90(rows[:, : rgb.width * 3].reshape(rgb.height, rgb.width, 3), round(frame.rotation / 90))


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """Return width and height of the frame after rotation, in pixels."""
    sideways = round(frame.rotation / 90) % 2
    return (frame.height, frame.width) if sideways else (frame.width, frame.height)


def seconds_of(frame: VideoFrame, index: int, stream: VideoStream) -> float:
    """Return the frame's time in seconds; without a timestamp, its index divided by the frame rate."""
    if frame.pts is not None and frame.time_base is not None:
        return float(frame.pts * frame.time_base)
    return index * frame_seconds(stream)


def frame_seconds(stream: VideoStream) -> float:
    """Return the average duration of a frame in seconds, or 0 for an unknown frame rate."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else 0.0

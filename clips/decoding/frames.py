"""What comes out of a decoder: every frame of a video, and a frame's pixels, size and time."""

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
    """What a file turned out to hold. Sides are in pixels, upright; `frames` were counted, not read from a header."""

    container: str
    codec: str
    width: int
    height: int
    frames: int
    duration_seconds: float


def describe(video: OpenVideo, size: tuple[int, int], num_frames: int, seconds_to_last: float) -> VideoInfo:
    """`size` is width and height, `seconds_to_last` the time from the first frame to the last."""
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
    """Every frame that decodes, in output order; a packet that does not decode is passed over, as players do."""
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
    """Turns frames into pixels."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def upright(self, frame: VideoFrame) -> Image:
        """uint8 [H, W, 3], RGB, turned as its metadata say; FFmpeg's own memory, which is best copied soon."""
        # one thread: more would be started anew for every frame
        rgb = self._reformatter.reformat(frame, format="rgb24", threads=1).planes[0]
        rows = np.frombuffer(memoryview(rgb), np.uint8).reshape(rgb.height, rgb.line_size)
        return np.rot90(rows[:, : rgb.width * 3].reshape(rgb.height, rgb.width, 3), round(frame.rotation / 90))


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """Width and height of what `Converter.upright` would return."""
    sideways = round(frame.rotation / 90) % 2
    return (frame.height, frame.width) if sideways else (frame.width, frame.height)


def seconds_of(frame: VideoFrame, index: int, stream: VideoStream) -> float:
    """When the frame is shown; where nothing tells, by its place and the frame rate."""
    if frame.pts is not None and frame.time_base is not None:
        return float(frame.pts * frame.time_base)
    return index * frame_seconds(stream)


def frame_seconds(stream: VideoStream) -> float:
    """How long one frame is shown, on average; 0 where nothing tells."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else 0.0

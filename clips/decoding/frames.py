"""Decoded frames: every frame of a video, and the pixels, size and time of each."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain

import av
import cv2
import numpy as np
from av.packet import Packet
from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clips.decoding.container import OpenVideo
from clips.decoding.errors import Undecodable
from clips.video_info import VideoInfo

Image = NDArray[np.uint8]
"""One picture: uint8 [H, W, 3], RGB."""

MAX_PACKETS_AHEAD, MAX_BYTES_AHEAD = 256, 1 << 22
"""Up to so many packets are read or made at once. Between two pictures, when the caches hold the decoder's memory, each
would take several times as long."""

TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
"""OpenCV's names of turns, by quarters counterclockwise."""


def describe(video: OpenVideo, size: tuple[int, int], num_frames: int, seconds_to_last: float) -> VideoInfo:
    """Put a video's facts together.

    Args:
        video: the open file.
        size: width and height in pixels, after rotation.
        num_frames: number of frames that are shown.
        seconds_to_last: time from the first frame to the last.
    """
    width, height = size
    # an AVI with an empty packet for every other frame has a header that says twice the rate
    mean_seconds = seconds_to_last / max(1, num_frames - 1)
    return VideoInfo(
        container=video.container.format.name,
        codec=video.codec,
        width=width,
        height=height,
        frames=num_frames,
        duration_seconds=seconds_to_last + max(frame_seconds(video.stream), mean_seconds),
    )


def every_frame(video: OpenVideo, packets: Iterable[Packet[VideoStream]] | None = None) -> Iterator[VideoFrame]:
    """Decode every packet and yield the frames in output order; skip packets that do not decode, as players do.

    `packets` are all of them, if they were read before. Raises LimitExceeded for too many frames, and whatever
    `OpenVideo.packets` raises.
    """
    context, count = video.stream.codec_context, 0
    for packet in chain(read_ahead(video.packets() if packets is None else packets), [None]):
        video.clock.check()
        try:
            frames = context.decode(packet)
        except av.error.FFmpegError:
            continue
        count += len(frames)
        video.check_frames(count)
        yield from frames


def read_ahead(packets: Iterable[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
    """Yield packets, of which several are read at once; those before damage come first."""
    ahead: list[Packet[VideoStream]] = []
    num_bytes = 0
    try:
        for packet in packets:
            ahead.append(packet)
            num_bytes += packet.size
            if len(ahead) == MAX_PACKETS_AHEAD or num_bytes > MAX_BYTES_AHEAD:
                yield from ahead
                ahead, num_bytes = [], 0
    except Undecodable:
        yield from ahead
        raise
    yield from ahead


class Converter(threading.local):
    """Converts decoded frames to RGB images; keeps FFmpeg's scaler between frames, one for each thread."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def upright(self, frame: VideoFrame) -> Image:
        """Convert to uint8 [H, W, 3], RGB, with the display matrix applied; rows may have gaps between them."""
        image = self._rgb(frame)
        if _is_mirrored(frame):
            image = np.asarray(cv2.flip(image, 0), np.uint8)
        turns = _quarter_turns(frame) % 4
        if turns:
            image = np.asarray(cv2.rotate(image, TURNS[turns]), np.uint8)  # ten times as fast as a copy of np.rot90
        return image

    def _rgb(self, frame: VideoFrame) -> Image:
        """Convert to RGB; the array is a view of FFmpeg's memory, which it keeps."""
        # one thread, since FFmpeg would start new ones for every frame
        rgb = self._reformatter.reformat(frame, format="rgb24", threads=1).planes[0]
        rows = np.frombuffer(memoryview(rgb), np.uint8).reshape(rgb.height, rgb.line_size)
        return rows[:, : rgb.width * 3].reshape(rgb.height, rgb.width, 3)


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """Return width and height of the frame after rotation, in pixels."""
    return (frame.height, frame.width) if _quarter_turns(frame) % 2 else (frame.width, frame.height)


def _quarter_turns(frame: VideoFrame) -> int:
    """Return the number of turns by 90 degrees counterclockwise, the nearest to the display matrix's angle."""
    # a matrix of zeros has no angle: FFmpeg's NaN becomes any integer
    return round(frame.rotation / 90) if abs(frame.rotation) <= 180 else 0


def _is_mirrored(frame: VideoFrame) -> bool:
    """Return True if the display matrix turns the picture upside down before it rotates: a negative determinant.

    A picture whose left and right change places is one that is upside down, and then turned by 180 degrees.
    """
    try:
        # not frame.side_data: frame and container would refer to each other and stay in memory
        matrix = SideDataContainer(frame)["DISPLAYMATRIX"]  # type: ignore[call-arg]
    except (KeyError, ValueError):  # ValueError: PyAV lists nothing where one kind is unknown to it, such as EXIF
        return False
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    return bool(a * d < b * c)


def in_seconds(time: int, time_base: Fraction) -> float:
    """Return a time in seconds, rounded once."""
    # as float(time * time_base), many times faster
    return time * time_base.numerator / time_base.denominator


def seconds_of(frame: VideoFrame, stream: VideoStream) -> float | None:
    """Return the time that the file gives a frame, in seconds, or None."""
    # not the frame's own time base, which PyAV does not set when the decoder is flushed
    return in_seconds(frame.pts, stream.time_base) if frame.pts is not None and stream.time_base is not None else None


def frame_seconds(stream: VideoStream) -> float:
    """Return the average duration of a frame in seconds, or 0 for an unknown frame rate."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else 0.0

"""Video bytes become the frames that were asked for, exactly, within bounds.

One function serves training, evaluation and the gateway, so all three see the same pixels. Containers lie about
their frame counts, so frames are counted, not believed. Rotation metadata is applied; the sample aspect ratio is
ignored, as MMAction2's readers do.

An upload is hostile. It is read from memory only, by demuxers of a short list that take no other file with them;
any attempt to open one is refused.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Never

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clips.bounds import Bounds
from clips.errors import BoundsExceeded, NoFrames, NotAVideo, Undecodable
from clips.transform import Image

DEMUXERS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,h264,hevc,m4v,mpegvideo,ivf,obu,gif,mjpeg,mxf,rm,dv"
"""FFmpeg demuxers that hold video and refer to nothing outside the file: no playlists, no concatenation, no SDP."""

SIGNATURES = (
    (4, b"ftyp"),
    (4, b"moov"),
    (4, b"mdat"),
    (8, b"AVI "),
    (0, b"\x1a\x45\xdf\xa3"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    (0, b"FLV\x01"),
    (0, b"OggS"),
    (0, b"GIF8"),
    (0, b"\x00\x00\x01"),
    (0, b"\x00\x00\x00\x01"),
)
"""Where a video container's first bytes stand: they tell a damaged video from a file that never was one."""

PickFrames = Callable[[int], Sequence[int]]
"""Given how many frames a video has, the indices of those wanted, in the order wanted."""


@dataclass(frozen=True)
class VideoInfo:
    """What a file turned out to hold. Sides are in pixels, upright; `frames` were counted, not read from a header."""

    container: str
    codec: str
    width: int
    height: int
    frames: int
    duration_seconds: float


@dataclass(frozen=True)
class DecodedClip:
    """The frames asked for: uint8 [H, W, 3] RGB, upright. A frame asked for twice is the same array twice.

    `times` are in seconds from the video's first frame.
    """

    images: tuple[Image, ...]
    indices: tuple[int, ...]
    times: tuple[float, ...]
    video: VideoInfo


def decode(source: bytes | os.PathLike[str], pick_frames: PickFrames, bounds: Bounds = Bounds()) -> DecodedClip:  # noqa: B008
    """Decode a whole video and keep the frames that `pick_frames` names.

    Raises NotAVideo, Undecodable, NoFrames or BoundsExceeded, and OSError for a path that cannot be read.
    """
    data = _read(source, bounds)
    clock = _CpuClock(bounds.max_cpu_seconds)
    expected_frames = _count_packets(data, bounds, clock)
    clip = _decode_pass(data, pick_frames, expected_frames, bounds, clock)
    if clip.video.frames != expected_frames:
        clip = _decode_pass(data, pick_frames, clip.video.frames, bounds, clock)
    return clip


def _read(source: bytes | os.PathLike[str], bounds: Bounds) -> bytes:
    size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    if size > bounds.max_bytes:
        raise BoundsExceeded(f"the video has {size:,} bytes; at most {bounds.max_bytes:,} are taken")
    return source if isinstance(source, bytes) else Path(source).read_bytes()


class _CpuClock:
    """Counts this thread's CPU seconds; the decoders run in this thread alone."""

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._start = time.thread_time()

    def check(self) -> None:
        if time.thread_time() - self._start > self._max_seconds:
            limit = f"{self._max_seconds:g} s of processor time"
            raise BoundsExceeded(f"decoding takes more than {limit}; send a shorter or smaller video")


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> Never:
    raise PermissionError(f"the video refers to another file or address, {url!r}")


def _open(data: bytes, bounds: Bounds) -> tuple[InputContainer, VideoStream]:
    if not data:
        raise NotAVideo("the video is empty: 0 bytes were received")
    max_pixels = str(bounds.max_pixels_per_frame)
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none", "max_pixels": max_pixels}
    try:
        container = av.open(io.BytesIO(data), "r", options=options, io_open=_refuse_to_open)
    except (av.error.FFmpegError, PermissionError) as error:
        raise _explain_unopened(data) from error
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        container.close()
        raise NotAVideo("the file holds no video stream")
    return container, stream


def _explain_unopened(data: bytes) -> NotAVideo | Undecodable:
    if any(data[at : at + len(magic)] == magic for at, magic in SIGNATURES):
        return Undecodable("the video is damaged or cut short: its header cannot be read")
    return NotAVideo("the file is not a video that can be read; send MP4, MOV, MKV, WebM, AVI, TS, FLV, WMV or GIF")


def _configure(stream: VideoStream, bounds: Bounds) -> None:
    context = stream.codec_context
    pixels = context.width * context.height
    if pixels > bounds.max_pixels_per_frame:
        limit = f"at most {bounds.max_pixels_per_frame:,} pixels are taken"
        raise BoundsExceeded(f"frames of {context.width}x{context.height} are too large; {limit}")
    context.options = {"max_pixels": str(bounds.max_pixels_per_frame)}
    context.thread_count = 1


def _packets(
    container: InputContainer, stream: VideoStream, bounds: Bounds, clock: _CpuClock
) -> Iterator[Packet[VideoStream]]:
    """The stream's packets, the flushing one last."""
    try:
        for count, packet in enumerate(container.demux(stream)):
            if count > bounds.max_packets:
                raise BoundsExceeded(f"the video has more than {bounds.max_packets:,} packets; send a shorter one")
            clock.check()
            yield packet
    except av.error.FFmpegError as error:
        raise Undecodable("the video is damaged or cut short: its packets cannot be read to the end") from error


def _count_packets(data: bytes, bounds: Bounds, clock: _CpuClock) -> int:
    container, stream = _open(data, bounds)
    with container:
        if any(entry.pos + entry.size > len(data) for entry in stream.index_entries):
            raise Undecodable("the video is cut short: its index points past its end")
        return sum(1 for packet in _packets(container, stream, bounds, clock) if packet.size and not packet.is_discard)


def _decode_pass(
    data: bytes, pick_frames: PickFrames, expected_frames: int, bounds: Bounds, clock: _CpuClock
) -> DecodedClip:
    if expected_frames == 0:
        raise NoFrames("the video holds no frame")
    indices = tuple(pick_frames(expected_frames))
    wanted = frozenset(indices)
    images: dict[int, Image] = {}
    times: list[float] = []
    container, stream = _open(data, bounds)
    with container:
        _configure(stream, bounds)
        frame = None
        for index, frame in enumerate(_frames(container, stream, bounds, clock)):
            times.append(_seconds(frame, index, stream))
            if index in wanted:
                images[index] = _upright_rgb(frame)
        if frame is None:
            raise NoFrames("no frame of the video could be decoded")
        video = _describe(container, stream, _upright_size(frame), times)
    if len(times) != expected_frames:
        return DecodedClip((), (), (), video)
    return DecodedClip(tuple(images[i] for i in indices), indices, tuple(times[i] - times[0] for i in indices), video)


def _frames(container: InputContainer, stream: VideoStream, bounds: Bounds, clock: _CpuClock) -> Iterator[VideoFrame]:
    """Every frame that decodes, in output order; a packet that does not decode is passed over, as players do."""
    count = 0
    for packet in _packets(container, stream, bounds, clock):
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            continue
        for frame in frames:
            count += 1
            if count > bounds.max_frames:
                raise BoundsExceeded(f"the video has more than {bounds.max_frames:,} frames; send a shorter one")
            yield frame


def _upright_rgb(frame: VideoFrame) -> Image:
    image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))


def _upright_size(frame: VideoFrame) -> tuple[int, int]:
    sideways = round(frame.rotation / 90) % 2
    return (frame.height, frame.width) if sideways else (frame.width, frame.height)


def _seconds(frame: VideoFrame, index: int, stream: VideoStream) -> float:
    if frame.pts is not None and frame.time_base is not None:
        return float(frame.pts * frame.time_base)
    return index * _frame_seconds(stream)


def _frame_seconds(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else 0.0


def _describe(
    container: InputContainer, stream: VideoStream, size: tuple[int, int], times: Sequence[float]
) -> VideoInfo:
    width, height = size
    return VideoInfo(
        container=container.format.name,
        codec=stream.codec_context.name,
        width=width,
        height=height,
        frames=len(times),
        duration_seconds=times[-1] - times[0] + _frame_seconds(stream),
    )

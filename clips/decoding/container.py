"""A video file that is open: its packets, read within limits.

An upload is hostile. It is read from memory only, by demuxers of a short list that take no other file with them;
any attempt to open one is refused.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Never

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from clips.decoding.errors import LimitExceeded, NotAVideo, Undecodable
from clips.decoding.limits import DecodeLimits

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

QUICK_PROBING = {"skip_frame": "all"}
"""Opening a file decodes nothing of it. How far frames are reordered is then known from their times alone."""
THOROUGH_PROBING: dict[str, str] = {}
"""Opening a file decodes frames until FFmpeg knows how far they are reordered, where a container does not tell."""

READ_AHEAD_BYTES = 1 << 18
PACKETS_PER_CLOCK_CHECK = 32


class CpuClock:
    """Counts this thread's CPU seconds; the decoders run in this thread alone."""

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._start = time.thread_time()

    def check(self) -> None:
        """Raises LimitExceeded when the time is up."""
        if time.thread_time() - self._start > self._max_seconds:
            limit = f"{self._max_seconds:g} s of processor time"
            raise LimitExceeded(f"decoding takes more than {limit}; send a shorter or smaller video")


@dataclass
class OpenVideo:
    """A file that is open: its packets can be read through once."""

    container: InputContainer
    stream: VideoStream
    limits: DecodeLimits
    clock: CpuClock
    num_packets: int = 0
    """Read so far."""

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec, such as `av1`, where the decoder's name is `libdav1d`."""
        return self.stream.codec_context.codec.canonical_name

    def check_frames(self, num_frames: int) -> None:
        """Raises LimitExceeded for more frames than are taken."""
        if num_frames > self.limits.max_frames:
            raise LimitExceeded(f"the video has more than {self.limits.max_frames:,} frames; send a shorter one")

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """In decode order, without the empty one that would end the decoder's work."""
        try:
            for count, packet in enumerate(self.container.demux(self.stream)):
                if count > self.limits.max_packets:
                    limit = f"{self.limits.max_packets:,} packets"
                    raise LimitExceeded(f"the video has more than {limit}; send a shorter one")
                if count % PACKETS_PER_CLOCK_CHECK == 0:
                    self.clock.check()
                if packet.size:
                    self.num_packets += 1
                    yield packet
        # IndexError: PyAV's answer to a packet of a stream that the header did not announce
        except (av.error.FFmpegError, PermissionError, IndexError) as error:
            raise Undecodable("the video is damaged or cut short: its packets cannot be read to the end") from error


class VideoFile:
    """A video's bytes, opened as often as they are read through. One clock runs for all of them."""

    def __init__(self, source: bytes | os.PathLike[str], limits: DecodeLimits) -> None:
        self._source = source
        self._size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        self._bounds = limits
        self._clock = CpuClock(limits.max_cpu_seconds)
        if self._size > limits.max_bytes:
            raise LimitExceeded(f"the video has {self._size:,} bytes; at most {limits.max_bytes:,} are taken")
        if not self._size:
            raise NotAVideo("the video is empty: 0 bytes were received")

    @contextmanager
    def open(self, probing: dict[str, str]) -> Iterator[OpenVideo]:
        """`probing`: FFmpeg's options for its look at the first packets; they do not reach the decoder."""
        with self._bytes() as file, self._demuxer(file, probing) as container:
            stream = _best_stream(container)
            if any(entry.pos + entry.size > self._size for entry in stream.index_entries):
                raise Undecodable("the video is cut short: its index points past its end")
            _configure(stream.codec_context, self._bounds)
            yield OpenVideo(container, stream, self._bounds, self._clock)

    def _bytes(self) -> BinaryIO:
        return (
            io.BytesIO(self._source)
            if isinstance(self._source, bytes)
            else Path(self._source).open("rb", buffering=READ_AHEAD_BYTES)
        )

    def _demuxer(self, file: BinaryIO, probing: dict[str, str]) -> InputContainer:
        max_pixels = str(self._bounds.max_pixels_per_frame)
        options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none", "max_pixels": max_pixels, **probing}
        try:
            return av.open(file, "r", options=options, metadata_errors="replace", io_open=_refuse_to_open)
        except (av.error.FFmpegError, PermissionError) as error:
            file.seek(0)
            raise _explain_unopened(file.read(16)) from error


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> Never:
    raise PermissionError(f"the video refers to another file or address, {url!r}")


def _explain_unopened(start: bytes) -> NotAVideo | Undecodable:
    if any(start[at : at + len(magic)] == magic for at, magic in SIGNATURES):
        return Undecodable("the video is damaged or cut short: its header cannot be read")
    return NotAVideo("the file is not a video that can be read; send MP4, MOV, MKV, WebM, AVI, TS, FLV, WMV or GIF")


def _best_stream(container: InputContainer) -> VideoStream:
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise NotAVideo("the file holds no video stream")
    if stream.codec_context is None:
        raise Undecodable("the video's codec is unknown")
    return stream


def _configure(context: VideoCodecContext, limits: DecodeLimits) -> None:
    if context.width * context.height > limits.max_pixels_per_frame:
        limit = f"at most {limits.max_pixels_per_frame:,} pixels are taken"
        raise LimitExceeded(f"frames of {context.width}x{context.height} are too large; {limit}")
    context.options = {"max_pixels": str(limits.max_pixels_per_frame)}
    context.thread_count = 1

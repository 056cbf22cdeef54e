"""Demuxing: open a video file and read its packets within limits.

An upload may be hostile. FFmpeg reads it through a file object, with demuxers of a short list that refer to no other
file; any attempt to open another file or address is refused.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Never

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from clips.decoding.errors import Encrypted, LimitExceeded, NotAVideo, Undecodable
from clips.decoding.limits import CpuClock, DecodeLimits

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

DEMUXERS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,h264,hevc,m4v,mpegvideo,ivf,obu,gif,mjpeg,mxf,rm,dv"
"""FFmpeg demuxers of video that refer to nothing outside the file: no playlists, no concatenation, no SDP."""

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
"""Position and bytes of container signatures; a file with one that cannot be opened is a damaged video."""

DEMUXER_OF = {
    re.compile(rb"....ftyp", re.DOTALL): "mov,mp4,m4a,3gp,3g2,mj2",
    re.compile(rb"RIFF....AVI ", re.DOTALL): "avi",
    re.compile(rb"\x1a\x45\xdf\xa3"): "matroska,webm",
}
"""Demuxers whose files are told by their start, so that FFmpeg need not try hundreds of others."""

OPENED_ONCE = re.compile(rb"RIFF....AVI |\x00\x00\x01\xba|IMKH|OggS|GIF8", re.DOTALL)
"""Start of AVI, program streams (IMKH: of cameras), Ogg and GIF: packets that often do not say when each frame is
shown, in files that thorough probing opens as fast as quick one."""

PHOTO_BRANDS = {b"avif", b"heic", b"heim", b"heis", b"heix", b"mif1", b"mif2"}
"""Brands of HEIF files whose main content is a still picture."""

PICTURES = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
"""Dispositions of streams that are no video: cover art, and the thumbnails of chapters."""

ENCRYPTED_TRACK = re.compile(rb"stsd.{12}encv", re.DOTALL)
"""Start of an MP4 track's sample description, which names its codec."""

QUICK_PROBING = {"skip_frame": "all"}
"""Opening a file decodes nothing of it, so how far frames are reordered follows from their times alone."""
HEADER_SUFFICES = {"analyzeduration": "1"}
"""Besides quick probing: no packet is read to guess what the header of an MP4 or MOV says. In microseconds."""
THOROUGH_PROBING: dict[str, str] = {}
"""Opening a file decodes frames until FFmpeg knows how far they are reordered, unless the container says so."""

PHOTO = "the file is a photo, not a video"
ENCRYPTED = "the video is encrypted; send it without copy protection"

VideoSource = bytes | os.PathLike[str] | int
"""A video file: its bytes, its path, or the descriptor of an open file."""

READ_AHEAD_BYTES = 1 << 15
"""As many as FFmpeg asks for; what was read of more is lost when it goes elsewhere in the file."""
START_BYTES = 1 << 18
"""Read to tell what a file is that cannot be opened."""
MIN_BLOCK_BYTES, MAX_BLOCK_BYTES = 1 << 14, 1 << 23
"""The least that is read at once of a file with an index, and the most that is kept for the parts that follow."""
PACKETS_PER_CLOCK_CHECK = 32


@dataclass
class OpenVideo:
    """An open video file, whose packets can be read once."""

    container: InputContainer
    stream: VideoStream
    limits: DecodeLimits
    clock: CpuClock
    file_size: int
    read_at: Callable[[int, int], memoryview]
    """Returns the file's bytes from one position up to another, or fewer where the file ends."""
    is_thorough: bool
    """Opened by thorough probing: the packets are those that a full decode reads."""
    num_packets: int = 0
    """Number of packets read so far."""

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec (`av1`), which is not always that of the decoder (`libdav1d`)."""
        return self.stream.codec_context.codec.canonical_name

    def check_end(self, end: int) -> None:
        """Raise Undecodable for a packet whose end lies behind that of the file."""
        if end > self.file_size:
            raise Undecodable("the video is cut short: its index points past its end")

    def check_index(self) -> None:
        """Raise Undecodable if the container's index lists a packet that lies behind the end of the file."""
        # an entry of size 0 is a hint for seeking (FLV, Matroska), which may be wrong where a recording broke off
        self.check_end(max((entry.pos + entry.size for entry in self.stream.index_entries if entry.size), default=0))

    def check_frames(self, num_frames: int) -> None:
        """Raise LimitExceeded for more frames than the limit."""
        if num_frames > self.limits.max_frames:
            raise LimitExceeded(f"the video has more than {self.limits.max_frames:,} frames; send a shorter one")

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Yield the packets in decode order, without the empty one that flushes the decoder.

        Raises LimitExceeded for too many packets or too much CPU time, Undecodable for damage, Encrypted.
        """
        try:
            for count, packet in enumerate(self.container.demux(self.stream)):
                if count > self.limits.max_packets:
                    limit = f"{self.limits.max_packets:,} packets"
                    raise LimitExceeded(f"the video has more than {limit}; send a shorter one")
                if count % PACKETS_PER_CLOCK_CHECK == 0:
                    self.clock.check()
                for extra in packet.iter_sidedata():
                    if extra.data_type == "encryption_info":
                        raise Encrypted(ENCRYPTED)
                if packet.size:
                    self.num_packets += 1
                    yield packet
        # IndexError: PyAV's answer to a packet of a stream that the header did not announce
        except (av.error.FFmpegError, PermissionError, IndexError) as error:
            raise Undecodable("the video is damaged or cut short: its packets cannot be read to the end") from error


class VideoFile:
    """A video's bytes, path or descriptor, which can be opened several times; one CPU clock runs through all of them.

        file = VideoFile("clip.mp4", DecodeLimits())
        with file.open(QUICK_PROBING) as video:
            print(video.codec, sum(1 for _ in video.packets()))

    A pipe is read to its end and kept in memory. `threads` is the number of those that decode it. Raises LimitExceeded
    for too many bytes, NotAVideo for none, and OSError for a path that cannot be read.
    """

    def __init__(self, source: VideoSource, limits: DecodeLimits, threads: int = 1) -> None:
        self._source = source if isinstance(source, bytes) or os.path.isfile(source) else _read_pipe(source, limits)
        self._size = len(self._source) if isinstance(self._source, bytes) else os.stat(self._source).st_size
        self._limits = limits
        self._clock = CpuClock(limits.max_cpu_seconds, threads)
        if self._size > limits.max_bytes:
            raise LimitExceeded(f"the video has more than {limits.max_bytes:,} bytes; send a smaller one")
        if not self._size:
            raise NotAVideo("the video is empty: 0 bytes were received")

    @contextmanager
    def open(self, probing: dict[str, str]) -> Iterator[OpenVideo]:
        """Open the file from its start and select its best video stream.

        `probing` are FFmpeg's options for reading the first packets; they do not reach the decoder. It is thorough for
        files of which every packet must be decoded. Raises NotAVideo, Undecodable or LimitExceeded.
        """
        with self._bytes() as file:
            start = file.read(12)
            file.seek(0)
            is_thorough = probing is THOROUGH_PROBING or OPENED_ONCE.match(start) is not None
            with self._demuxer(file, start, THOROUGH_PROBING if is_thorough else probing) as container:
                stream = _best_stream(container)
                _configure_decoder(stream.codec_context, self._limits)
                read_at = self._reader_of(file)
                yield OpenVideo(container, stream, self._limits, self._clock, self._size, read_at, is_thorough)

    def _reader_of(self, file: BinaryIO) -> Callable[[int, int], memoryview]:
        if isinstance(self._source, bytes):
            view = memoryview(self._source)
            return lambda begin, end: view[begin:end]
        return ReadAhead(self._source if isinstance(self._source, int) else file.fileno()).read_at

    def _bytes(self) -> BinaryIO:
        match self._source:
            case bytes():
                return io.BytesIO(self._source)
            case int():
                return io.BufferedReader(_OpenFile(self._source, self._size), READ_AHEAD_BYTES)
        return open(self._source, "rb", buffering=READ_AHEAD_BYTES)

    def _demuxer(self, file: BinaryIO, start: bytes, probing: dict[str, str]) -> InputContainer:
        max_pixels = str(self._limits.max_pixels_per_frame)
        if probing is QUICK_PROBING and start[4:8] == b"ftyp":
            probing = probing | HEADER_SUFFICES
        demuxer = next((name for pattern, name in DEMUXER_OF.items() if pattern.match(start)), None)
        options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none", "max_pixels": max_pixels, **probing}
        try:
            return av.open(file, "r", demuxer, options, metadata_errors="replace", io_open=_refuse_to_open)
        except (av.error.FFmpegError, PermissionError) as error:
            file.seek(0)
            raise _error_for_start(file.read(START_BYTES)) from error


class ReadAhead:
    """Reads parts of an open file, which mostly follow each other; several threads may do so at once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._block = 0, memoryview(b"")

    def read_at(self, begin: int, end: int) -> memoryview:
        """Return the bytes from one position up to another, or fewer where the file ends."""
        first, block = self._block
        if begin < first or end > first + len(block):
            size = max(MIN_BLOCK_BYTES, end - begin)
            first, block = begin, memoryview(os.pread(self._descriptor, size, begin))
            if size <= MAX_BLOCK_BYTES:
                self._block = first, block
        return block[begin - first : max(begin, end) - first]


class _OpenFile(io.RawIOBase):
    """Reads an open file by its descriptor; each reader has a position of its own, and none closes the file."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = os.preadv(self._descriptor, [buffer], self._position)
        self._position += count
        return count


def _read_pipe(source: os.PathLike[str] | int, limits: DecodeLimits) -> bytes:
    with open(source, "rb", closefd=not isinstance(source, int)) as pipe:
        return pipe.read(limits.max_bytes + 1)


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> Never:
    raise PermissionError(f"the video refers to another file or address, {url!r}")


def _error_for_start(start: bytes) -> NotAVideo | Undecodable:
    if start[4:8] == b"ftyp" and start[8:12] in PHOTO_BRANDS:
        return NotAVideo(PHOTO)
    if ENCRYPTED_TRACK.search(start):
        return Encrypted(ENCRYPTED)
    if any(start[at : at + len(magic)] == magic for at, magic in SIGNATURES):
        return Undecodable("the video is damaged or cut short: its header cannot be read")
    return NotAVideo("the file is not a video that can be read; send MP4, MOV, MKV, WebM, AVI, TS, FLV, WMV or GIF")


def _best_stream(container: InputContainer) -> VideoStream:
    """Return the stream of moving pictures that FFmpeg prefers."""
    best = container.streams.best("video")
    moving = [stream for stream in container.streams.video if not _is_picture(stream)]
    if not moving:
        raise _no_video(container)
    stream = best if isinstance(best, VideoStream) and best in moving else moving[0]
    if stream.codec_context is None:
        raise Undecodable("the video's codec is unknown")
    if "enc_key_id" in stream.metadata:
        raise Encrypted(ENCRYPTED)
    return stream


def _is_picture(stream: VideoStream) -> bool:
    """Return True for cover art, a thumbnail, and an item of a HEIF file, to which FFmpeg gives a clock of seconds."""
    is_item = stream.frames == 1 and stream.time_base == 1 and stream.duration is None
    return is_item or bool(stream.disposition & PICTURES)


def _no_video(container: InputContainer) -> NotAVideo:
    if not container.streams.video:
        return NotAVideo("the file holds no video stream")
    return NotAVideo("the file is a song with a cover picture, not a video" if container.streams.audio else PHOTO)


def _configure_decoder(context: VideoCodecContext, limits: DecodeLimits) -> None:
    if context.width * context.height > limits.max_pixels_per_frame:
        limit = f"at most {limits.max_pixels_per_frame:,} pixels are allowed"
        raise LimitExceeded(f"frames of {context.width}x{context.height} are too large; {limit}")
    # the container's max_pixels does not reach the decoder: a 770-byte GIF would cost 1.5 GB without this one
    context.options = {"max_pixels": str(limits.max_pixels_per_frame)}
    context.thread_count = 1

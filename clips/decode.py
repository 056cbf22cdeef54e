"""Video bytes become the frames that were asked for, exactly, within bounds.

One function serves training, evaluation and the gateway, so all three see the same pixels. Containers lie about
their frame counts, so frames are counted, not believed. Rotation metadata is applied; the sample aspect ratio is
ignored, as MMAction2's readers do.

Few of a video's packets are needed for a few of its frames. The file is demuxed once, which costs little; the packets,
in the order of their times, are the frames. Each frame asked for is decoded from the last place before it where
decoding may start, leaving out what no other frame needs:

    in decode order    I0 P4 B2 b1 b3 P8 B6 b5 b7  I9 P13 B11 b10 b12     (no frame needs a b)
    asked for: 3       I0 P4 B2    b3
    asked for: 13                                  I9 P13

Whatever makes that inexact (`Unsure` says what) makes us decode every packet; the `DecodeReport` tells so.

An upload is hostile. It is read from memory only, by demuxers of a short list that take no other file with them;
any attempt to open one is refused.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Literal, Never

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from clips.bitstream import Picture, Reader, Unsure, first_packet_matters, reader_of
from clips.bounds import Bounds
from clips.errors import BoundsExceeded, NoFrames, NotAVideo, Undecodable
from clips.plan import check_beginning, display_order, order_by_kind, reordering, runs_for
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

TIMED_CONTAINERS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "flv", "asf", "avi"})
"""Containers whose packets say when they are shown. AVI does not, and is trusted only where FFmpeg can know better."""

CHANGES = ("new_extradata", "param_change", "palette")
"""Side data by which a packet changes how later ones decode."""

QUICK_PROBING = {"skip_frame": "all"}
"""Opening a file decodes nothing of it. How far frames are reordered is then known from their times alone."""
THOROUGH_PROBING: dict[str, str] = {}
"""Opening a file decodes frames until FFmpeg knows how far they are reordered, where a container does not tell."""

READ_AHEAD_BYTES = 1 << 18
MAX_HELD_BYTES = 32_000_000
PACKETS_PER_CLOCK_CHECK = 32

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
class DecodeReport:
    """How much of a video was decoded. On the full path, `reason` says why."""

    path: Literal["minimal", "full"]
    packets_fed: int
    packets: int
    reason: str = ""


@dataclass(frozen=True)
class DecodedClip:
    """The frames asked for: uint8 [H, W, 3] RGB, upright. A frame asked for twice is the same array twice.

    `times` are in seconds from the video's first frame.
    """

    images: tuple[Image, ...]
    indices: tuple[int, ...]
    times: tuple[float, ...]
    video: VideoInfo
    report: DecodeReport


def decode(source: bytes | os.PathLike[str], pick_frames: PickFrames, bounds: Bounds = Bounds()) -> DecodedClip:  # noqa: B008
    """Decode the frames of a video that `pick_frames` names, equal to the bit to those of a decode of the whole.

    Raises NotAVideo, Undecodable, NoFrames or BoundsExceeded, and OSError for a path that cannot be read.
    """
    file = _File(source, bounds)
    try:
        return _decode_needed(file, pick_frames)
    except Unsure as unsure:
        reason = str(unsure)
    num_frames = _count_displayable(file)
    clip = _decode_all(file, pick_frames, num_frames, reason)
    if clip.video.frames == num_frames:
        return clip
    return _decode_all(file, pick_frames, clip.video.frames, reason)


# --- Opening ---


class _CpuClock:
    """Counts this thread's CPU seconds; the decoders run in this thread alone."""

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._start = time.thread_time()

    def check(self) -> None:
        if time.thread_time() - self._start > self._max_seconds:
            limit = f"{self._max_seconds:g} s of processor time"
            raise BoundsExceeded(f"decoding takes more than {limit}; send a shorter or smaller video")


@dataclass
class _Video:
    """A file that is open: its packets can be read through once."""

    container: InputContainer
    stream: VideoStream
    bounds: Bounds
    clock: _CpuClock
    num_packets: int = 0
    """Read so far."""

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """In decode order, without the empty one that would end the decoder's work."""
        try:
            for count, packet in enumerate(self.container.demux(self.stream)):
                if count > self.bounds.max_packets:
                    limit = f"{self.bounds.max_packets:,} packets"
                    raise BoundsExceeded(f"the video has more than {limit}; send a shorter one")
                if count % PACKETS_PER_CLOCK_CHECK == 0:
                    self.clock.check()
                if packet.size:
                    self.num_packets += 1
                    yield packet
        # IndexError: PyAV's answer to a packet of a stream that the header did not announce
        except (av.error.FFmpegError, PermissionError, IndexError) as error:
            raise Undecodable("the video is damaged or cut short: its packets cannot be read to the end") from error


class _File:
    """A video's bytes, opened as often as they are read through. One clock runs for all of them."""

    def __init__(self, source: bytes | os.PathLike[str], bounds: Bounds) -> None:
        self._source = source
        self._size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        self._bounds = bounds
        self._clock = _CpuClock(bounds.max_cpu_seconds)
        if self._size > bounds.max_bytes:
            raise BoundsExceeded(f"the video has {self._size:,} bytes; at most {bounds.max_bytes:,} are taken")
        if not self._size:
            raise NotAVideo("the video is empty: 0 bytes were received")

    @contextmanager
    def open(self, probing: dict[str, str]) -> Iterator[_Video]:
        """`probing`: FFmpeg's options for its look at the first packets; they do not reach the decoder."""
        with self._bytes() as file, self._demuxer(file, probing) as container:
            stream = _best_stream(container)
            if any(entry.pos + entry.size > self._size for entry in stream.index_entries):
                raise Undecodable("the video is cut short: its index points past its end")
            _configure(stream.codec_context, self._bounds)
            yield _Video(container, stream, self._bounds, self._clock)

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


def _configure(context: VideoCodecContext, bounds: Bounds) -> None:
    if context.width * context.height > bounds.max_pixels_per_frame:
        limit = f"at most {bounds.max_pixels_per_frame:,} pixels are taken"
        raise BoundsExceeded(f"frames of {context.width}x{context.height} are too large; {limit}")
    context.options = {"max_pixels": str(bounds.max_pixels_per_frame)}
    context.thread_count = 1


# --- The minimal path ---


class _Survey:
    """What one pass over the packets tells, in decode order."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.pictures: list[Picture] = []
        self.first_packet = b""
        self.held: list[Packet[VideoStream]] | None = []
        """The packets, unless they are so large that they had better be read a second time."""
        self._num_bytes = 0

    def add(self, packet: Packet[VideoStream], read: Reader) -> None:
        """Raises Unsure for a packet out of the ordinary."""
        if packet.pts is None:
            raise Unsure("a packet has no time")
        if packet.is_corrupt:
            raise Unsure("a packet is damaged")
        for extra in packet.iter_sidedata():
            if extra.data_type in CHANGES:
                raise Unsure("the stream's parameters change")
        picture = read(memoryview(packet))
        self.times.append(packet.pts)
        self.pictures.append(picture._replace(is_shown=False) if packet.is_discard else picture)
        self._hold(packet)

    def _hold(self, packet: Packet[VideoStream]) -> None:
        self.first_packet = self.first_packet or bytes(packet)
        self._num_bytes += packet.size
        if self._num_bytes > MAX_HELD_BYTES:
            self.held = None
        if self.held is not None:
            self.held.append(packet)


@dataclass(frozen=True)
class _Plan:
    """The frames to return, the times of all frames as they are shown, and the packets to feed, run by run."""

    indices: tuple[int, ...]
    times: Sequence[int]
    runs: Sequence[Sequence[int]]


def _decode_needed(file: _File, pick_frames: PickFrames) -> DecodedClip:
    with file.open(QUICK_PROBING) as video:
        survey = _survey(video)
        plan = _plan(video, survey, pick_frames)
        with closing(_fed(file, survey, plan)) as packets:
            images = _decode_runs(video, survey, plan, packets)
        return _assemble(video, survey, plan, images)


def _survey(video: _Video) -> _Survey:
    context = video.stream.codec_context
    container = video.container.format.name
    if container not in TIMED_CONTAINERS or (container == "avi" and context.reorder_depth and context.name != "mpeg4"):
        raise Unsure(f"{container} does not say when each frame is shown")
    read = reader_of(context.name, context.extradata or b"")
    survey = _Survey()
    for packet in video.packets():
        survey.add(packet, read)
    return survey


def _plan(video: _Video, survey: _Survey, pick_frames: PickFrames) -> _Plan:
    check_beginning(survey.pictures)
    order = display_order(survey.times, survey.pictures)
    codec = video.stream.codec_context.name
    if codec == "mpeg4" and order != order_by_kind(survey.pictures):
        raise Unsure("the times of the frames contradict their kinds")
    if len(order) > video.bounds.max_frames:
        raise _too_many_frames(video.bounds)
    indices = tuple(pick_frames(len(order)))
    targets = {order[index] for index in indices}
    also = {0} if first_packet_matters(codec, survey.first_packet) else set()
    runs = runs_for(targets, survey.times, survey.pictures, also)
    return _Plan(indices, [survey.times[i] for i in order], runs)


def _fed(file: _File, survey: _Survey, plan: _Plan) -> Generator[Packet[VideoStream]]:
    """The packets of all runs."""
    fed = [i for run in plan.runs for i in run]
    if survey.held is not None:
        yield from (survey.held[i] for i in fed)
        return
    with file.open(QUICK_PROBING) as again:
        wanted = set(fed)
        yield from (packet for i, packet in enumerate(again.packets()) if i in wanted)


def _decode_runs(
    video: _Video, survey: _Survey, plan: _Plan, packets: Iterator[Packet[VideoStream]]
) -> tuple[Image, ...]:
    """The frames to return; Unsure unless they and those around them come out as planned."""
    video.stream.codec_context.reorder_depth = max(video.stream.codec_context.reorder_depth, reordering(survey.times))
    rank_of = {time_shown: rank for rank, time_shown in enumerate(plan.times)}
    missing = set(plan.indices)
    images = _Images(len(missing))
    for run in plan.runs:
        ranks = []
        for frame in _decode_run(video, islice(packets, len(run))):
            rank = _rank(frame, rank_of)
            ranks.append(rank)
            if rank in missing:
                images.add(rank, frame)
                missing.remove(rank)
        if len(ranks) != sum(survey.pictures[i].is_shown for i in run) or ranks != sorted(ranks):
            raise Unsure("frames came in another number or order than their packets")
    found = images.at(plan.indices) if not missing else ()
    if len({image.shape for image in found}) != 1:
        raise Unsure("frames are missing or differ in size")
    return found


def _decode_run(video: _Video, packets: Iterator[Packet[VideoStream]]) -> Iterator[VideoFrame]:
    context = video.stream.codec_context
    depth = context.reorder_depth
    try:
        for packet in packets:
            video.clock.check()
            yield from context.decode(packet)
        yield from context.decode(None)
    except av.error.FFmpegError as error:
        raise Unsure("a packet does not decode") from error
    context.flush_buffers()
    context.reorder_depth = depth


def _rank(frame: VideoFrame, rank_of: dict[int, int]) -> int:
    if frame.is_corrupt:
        raise Unsure("a frame is damaged")
    if frame.interlaced_frame:
        raise Unsure("frames are interlaced")
    if frame.pts not in rank_of:
        raise Unsure("a frame has another time than its packet")
    return rank_of[frame.pts]


def _assemble(video: _Video, survey: _Survey, plan: _Plan, images: tuple[Image, ...]) -> DecodedClip:
    time_base = video.stream.time_base
    assert time_base is not None
    first = float(plan.times[0] * time_base)
    height, width, _ = images[0].shape
    return DecodedClip(
        images,
        plan.indices,
        tuple(float(plan.times[index] * time_base) - first for index in plan.indices),
        _describe(video, (width, height), len(plan.times), float(plan.times[-1] * time_base) - first),
        DecodeReport("minimal", sum(len(run) for run in plan.runs), len(survey.times)),
    )


# --- The full path ---


def _count_displayable(file: _File) -> int:
    with file.open(QUICK_PROBING) as video:
        return sum(not packet.is_discard for packet in video.packets())


def _decode_all(file: _File, pick_frames: PickFrames, num_frames: int, reason: str) -> DecodedClip:
    """Decode every packet; a clip without images when there turn out to be more or fewer than `num_frames`."""
    if num_frames == 0:
        raise NoFrames("the video holds no frame")
    indices = tuple(pick_frames(num_frames))
    wanted = frozenset(indices)
    images = _Images(len(wanted))
    times: list[float] = []
    frame = None
    with file.open(THOROUGH_PROBING) as video:
        for index, frame in enumerate(_frames(video)):
            times.append(_seconds(frame, index, video.stream))
            if index in wanted:
                images.add(index, frame)
        if frame is None:
            raise NoFrames("no frame of the video could be decoded")
        info = _describe(video, _upright_size(frame), len(times), times[-1] - times[0])
    report = DecodeReport("full", video.num_packets, video.num_packets, reason)
    if len(times) != num_frames:
        return DecodedClip((), (), (), info, report)
    times_shown = tuple(times[i] - times[0] for i in indices)
    return DecodedClip(images.at(indices), indices, times_shown, info, report)


def _frames(video: _Video) -> Iterator[VideoFrame]:
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
            if count > video.bounds.max_frames:
                raise _too_many_frames(video.bounds)
            yield frame


def _too_many_frames(bounds: Bounds) -> BoundsExceeded:
    return BoundsExceeded(f"the video has more than {bounds.max_frames:,} frames; send a shorter one")


# --- Both ---


class _Images:
    """Up to `capacity` frames as RGB, upright, by their place in the video.

    They lie in one block of memory: a system hands out few large pages faster than many small ones.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._reformatter = VideoReformatter()
        self._block: Image | None = None
        self._of: dict[int, Image] = {}

    def add(self, index: int, frame: VideoFrame) -> None:
        # one thread: more would be started anew for every frame
        rgb = self._reformatter.reformat(frame, format="rgb24", threads=1).planes[0]
        rows = np.frombuffer(memoryview(rgb), np.uint8).reshape(rgb.height, rgb.line_size)
        upright = np.rot90(rows[:, : rgb.width * 3].reshape(rgb.height, rgb.width, 3), round(frame.rotation / 90))
        if self._block is None:
            self._block = np.empty((self._capacity, *upright.shape), np.uint8)
        fits = upright.shape == self._block.shape[1:]
        self._of[index] = self._block[len(self._of)] if fits else np.empty_like(upright)
        self._of[index][:] = upright

    def at(self, indices: Iterable[int]) -> tuple[Image, ...]:
        """KeyError for one that was not added."""
        return tuple(self._of[index] for index in indices)


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


def _describe(video: _Video, size: tuple[int, int], num_frames: int, seconds_to_last: float) -> VideoInfo:
    width, height = size
    return VideoInfo(
        container=video.container.format.name,
        codec=video.stream.codec_context.name,
        width=width,
        height=height,
        frames=num_frames,
        duration_seconds=seconds_to_last + _frame_seconds(video.stream),
    )

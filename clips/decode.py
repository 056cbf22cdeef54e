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
from bisect import bisect, insort
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Literal, Never

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from clips.bitstream import Picture, Unsure, first_packet_matters, reader_of
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

TIMED_CONTAINERS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "flv", "asf", "avi"})
"""Containers whose packets say when they are shown. AVI does not, and is trusted only where FFmpeg can know better."""

CHANGES = ("new_extradata", "param_change", "palette")
"""Side data by which a packet changes how later ones decode."""

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
    data = _read(source, bounds)
    clock = _CpuClock(bounds.max_cpu_seconds)
    with _demux(data, bounds, clock) as video:
        try:
            return _decode_planned(video, _plan(video, pick_frames))
        except Unsure as unsure:
            reason = str(unsure)
        num_frames = video.num_displayable
        if not video.stream.codec_context.is_open:
            clip = _decode_all(video, pick_frames, num_frames, reason)
            if clip.video.frames == num_frames:
                return clip
            num_frames = clip.video.frames
    return _decode_afresh(data, pick_frames, num_frames, reason, bounds, clock)


def _decode_afresh(
    data: bytes, pick_frames: PickFrames, num_frames: int, reason: str, bounds: Bounds, clock: _CpuClock
) -> DecodedClip:
    """Decode all with a decoder that has seen nothing yet; when it finds another number of frames, pick again."""
    with _demux(data, bounds, clock) as video:
        clip = _decode_all(video, pick_frames, num_frames, reason)
    if clip.video.frames == num_frames:
        return clip
    with _demux(data, bounds, clock) as video:
        return _decode_all(video, pick_frames, clip.video.frames, reason)


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
        container = av.open(io.BytesIO(data), "r", options=options, metadata_errors="replace", io_open=_refuse_to_open)
    except (av.error.FFmpegError, PermissionError) as error:
        raise _explain_unopened(data) from error
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        container.close()
        raise NotAVideo("the file holds no video stream")
    if stream.codec_context is None:
        container.close()
        raise Undecodable("the video's codec is unknown")
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
    """The stream's packets; an empty one would end the decoder's work."""
    try:
        for count, packet in enumerate(container.demux(stream)):
            if count > bounds.max_packets:
                raise BoundsExceeded(f"the video has more than {bounds.max_packets:,} packets; send a shorter one")
            clock.check()
            if packet.size:
                yield packet
    # IndexError: PyAV's answer to a packet of a stream that the header did not announce
    except (av.error.FFmpegError, PermissionError, IndexError) as error:
        raise Undecodable("the video is damaged or cut short: its packets cannot be read to the end") from error


@dataclass(frozen=True)
class _Video:
    """A file taken apart, not decoded yet. `packets` are in decode order."""

    container: InputContainer
    stream: VideoStream
    packets: Sequence[Packet[VideoStream]]
    bounds: Bounds
    clock: _CpuClock
    reformatter: VideoReformatter = field(default_factory=VideoReformatter)

    @property
    def num_displayable(self) -> int:
        return sum(not packet.is_discard for packet in self.packets)


@contextmanager
def _demux(data: bytes, bounds: Bounds, clock: _CpuClock) -> Iterator[_Video]:
    container, stream = _open(data, bounds)
    with container:
        if any(entry.pos + entry.size > len(data) for entry in stream.index_entries):
            raise Undecodable("the video is cut short: its index points past its end")
        packets = list(_packets(container, stream, bounds, clock))
        _configure(stream, bounds)
        yield _Video(container, stream, packets, bounds, clock)


# --- The minimal path ---


@dataclass(frozen=True)
class _Plan:
    """Which packets to feed. A run is fed to a decoder that remembers nothing."""

    indices: Sequence[int]
    order: Sequence[int]
    """The packets of the frames, as shown."""
    runs: Sequence[Sequence[int]]


def _plan(video: _Video, pick_frames: PickFrames) -> _Plan:
    pictures = _read_pictures(video)
    order = _display_order(video, pictures)
    if len(order) > video.bounds.max_frames:
        raise _too_many_frames(video.bounds)
    indices = tuple(pick_frames(len(order)))
    targets = {order[index] for index in indices}
    return _Plan(indices, order, _runs(video, pictures, targets))


def _read_pictures(video: _Video) -> list[Picture]:
    if not video.packets:
        raise NoFrames("the video holds no frame")
    _check_container(video)
    context = video.stream.codec_context
    read = reader_of(context.name, context.extradata or b"")
    pictures = [read(bytes(packet)) for packet in video.packets]
    if not pictures[0].is_start:
        raise Unsure("the video does not begin with a picture that decodes by itself")
    if any(picture.is_leading for picture in takewhile(lambda picture: not picture.is_start, pictures[1:])):
        raise Unsure("the first pictures need earlier ones, which are missing")
    return pictures


def _check_container(video: _Video) -> None:
    name, context = video.container.format.name, video.stream.codec_context
    if name not in TIMED_CONTAINERS or (name == "avi" and context.reorder_depth and context.name != "mpeg4"):
        raise Unsure(f"{name} does not say when each frame is shown")
    for packet in video.packets:
        if packet.pts is None:
            raise Unsure("a packet has no time")
        if packet.is_corrupt:
            raise Unsure("a packet is damaged")
        if any(extra.data_type in CHANGES for extra in packet.iter_sidedata()):
            raise Unsure("the stream's parameters change")


def _display_order(video: _Video, pictures: Sequence[Picture]) -> list[int]:
    packets = video.packets
    shown = [i for i, picture in enumerate(pictures) if picture.is_shown and not packets[i].is_discard]
    if len({packets[i].pts for i in shown}) < len(shown):
        raise Unsure("frames share a time")
    if not shown:
        raise NoFrames("the video holds no frame")
    depth = video.stream.codec_context.reorder_depth
    if _reordering([_pts(packets[i]) for i, picture in enumerate(pictures) if picture.is_shown]) > depth:
        raise Unsure("frames are reordered further than the decoder expects")
    order = sorted(shown, key=lambda i: _pts(packets[i]))
    if video.stream.codec_context.name == "mpeg4" and order != _order_by_kind(shown, pictures):
        raise Unsure("the times of the frames contradict their kinds")
    return order


def _pts(packet: Packet[VideoStream]) -> int:
    assert packet.pts is not None
    return packet.pts


def _reordering(times: Sequence[int]) -> int:
    """How many frames at most are decoded before one that is shown before them."""
    depth = 0
    earlier: list[int] = []
    for time_shown in times:
        depth = max(depth, len(earlier) - bisect(earlier, time_shown))
        insort(earlier, time_shown)
    return depth


def _order_by_kind(shown: Sequence[int], pictures: Sequence[Picture]) -> list[int]:
    """MPEG-4's rule: a B picture is shown at once, any other one when the next other one comes."""
    order: list[int] = []
    held: list[int] = []
    for i in shown:
        if pictures[i].is_reference:
            order += held
            held = [i]
        else:
            order.append(i)
    return order + held


def _runs(video: _Video, pictures: Sequence[Picture], targets: set[int]) -> list[list[int]]:
    """What to feed, cut where a reference was left out before."""
    top_layer = max(picture.layer for picture in pictures)
    is_needed = [picture.is_reference or picture.layer < top_layer for picture in pictures]
    fed = set(targets)
    if first_packet_matters(video.stream.codec_context.name, bytes(video.packets[0])):
        fed.add(0)
    for target in targets:
        start = _start_of(target, video.packets, pictures)
        shown_at_start = _pts(video.packets[start])
        span = range(start, target)
        fed.update(i for i in span if is_needed[i] and _pts(video.packets[i]) >= shown_at_start)
    return _cut_at_gaps(sorted(fed), pictures, is_needed)


def _start_of(target: int, packets: Sequence[Packet[VideoStream]], pictures: Sequence[Picture]) -> int:
    """The last start that is decoded and shown no later than the target."""
    for i in range(target, 0, -1):
        if pictures[i].is_start and _pts(packets[i]) <= _pts(packets[target]):
            return i
    return 0


def _cut_at_gaps(fed: Sequence[int], pictures: Sequence[Picture], is_needed: Sequence[bool]) -> list[list[int]]:
    runs: list[list[int]] = []
    previous = -2
    for i in fed:
        if not runs or (pictures[i].is_start and any(is_needed[previous + 1 : i])):
            runs.append([])
        runs[-1].append(i)
        previous = i
    return runs


def _decode_planned(video: _Video, plan: _Plan) -> DecodedClip:
    rank_of = {_pts(video.packets[i]): rank for rank, i in enumerate(plan.order)}
    wanted = set(plan.indices)
    images: dict[int, Image] = {}
    sizes = set()
    for run in plan.runs:
        num_shown = len({_pts(video.packets[i]) for i in run} & rank_of.keys())
        ranks = []
        for frame in _decode_run(video, run):
            rank = _rank(frame, rank_of)
            ranks.append(rank)
            if rank in wanted:
                images[rank] = _upright_rgb(frame, video.reformatter)
                sizes.add(_upright_size(frame))
        if len(ranks) != num_shown or ranks != sorted(ranks):
            raise Unsure("frames came in another number or order than their packets")
    if len(images) < len(wanted) or len(sizes) != 1:
        raise Unsure("frames are missing or differ in size")
    return _assemble(video, plan, images, sizes.pop())


def _decode_run(video: _Video, run: Sequence[int]) -> Iterator[VideoFrame]:
    context = video.stream.codec_context
    depth = context.reorder_depth
    try:
        for i in run:
            video.clock.check()
            yield from context.decode(video.packets[i])
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


def _assemble(video: _Video, plan: _Plan, images: dict[int, Image], size: tuple[int, int]) -> DecodedClip:
    time_base = video.stream.time_base
    assert time_base is not None
    first, last = (float(_pts(video.packets[plan.order[rank]]) * time_base) for rank in (0, -1))
    times = (float(_pts(video.packets[plan.order[rank]]) * time_base) for rank in plan.indices)
    return DecodedClip(
        tuple(images[rank] for rank in plan.indices),
        tuple(plan.indices),
        tuple(seconds - first for seconds in times),
        _describe(video, size, len(plan.order), last - first),
        DecodeReport("minimal", sum(len(run) for run in plan.runs), len(video.packets)),
    )


# --- The full path ---


def _decode_all(video: _Video, pick_frames: PickFrames, num_frames: int, reason: str) -> DecodedClip:
    """Decode every packet; a clip without images when there turn out to be more or fewer than `num_frames`."""
    if num_frames == 0:
        raise NoFrames("the video holds no frame")
    indices = tuple(pick_frames(num_frames))
    wanted = frozenset(indices)
    images: dict[int, Image] = {}
    times: list[float] = []
    frame = None
    for index, frame in enumerate(_frames(video)):
        times.append(_seconds(frame, index, video.stream))
        if index in wanted:
            images[index] = _upright_rgb(frame, video.reformatter)
    if frame is None:
        raise NoFrames("no frame of the video could be decoded")
    info = _describe(video, _upright_size(frame), len(times), times[-1] - times[0])
    report = DecodeReport("full", len(video.packets), len(video.packets), reason)
    if len(times) != num_frames:
        return DecodedClip((), (), (), info, report)
    times_shown = tuple(times[i] - times[0] for i in indices)
    return DecodedClip(tuple(images[i] for i in indices), indices, times_shown, info, report)


def _frames(video: _Video) -> Iterator[VideoFrame]:
    """Every frame that decodes, in output order; a packet that does not decode is passed over, as players do."""
    count = 0
    for packet in (*video.packets, None):
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


def _upright_rgb(frame: VideoFrame, reformatter: VideoReformatter) -> Image:
    # one thread: more would be started anew for every frame
    rgb = reformatter.reformat(frame, format="rgb24", threads=1)
    return np.ascontiguousarray(np.rot90(np.asarray(rgb.to_ndarray(), np.uint8), round(frame.rotation / 90)))


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

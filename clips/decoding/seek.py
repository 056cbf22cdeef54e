"""The minimal path: of a video's packets, those that the frames asked for need, and these frames.

The file is demuxed once, which costs little; the packets, in the order of their times, are the frames. Each frame asked
for is decoded from the last place before it where decoding may start, leaving out what no other frame needs:

    in decode order    I0 P4 B2 b1 b3 P8 B6 b5 b7  I9 P13 B11 b10 b12     (no frame needs a b)
    asked for: 3       I0 P4 B2    b3
    asked for: 13                                  I9 P13

Whatever makes that inexact raises `FullDecodeRequired`, which says what it is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clips.decoding.bitstream import FullDecodeRequired, PacketReader, Picture, first_packet_matters, reader_of
from clips.decoding.container import QUICK_PROBING, OpenVideo, VideoFile
from clips.decoding.packet_plan import check_beginning, display_order, order_by_kind, reordering, runs_for

TIMED_CONTAINERS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "flv", "asf", "avi"})
"""Containers whose packets say when they are shown. AVI does not, and is trusted only where FFmpeg can know better."""

CHANGES = ("new_extradata", "param_change", "palette")
"""Side data by which a packet changes how later ones decode."""

MAX_HELD_BYTES = 32_000_000

OUT_OF_STEP = "frames came in another number or order than their packets"


class Survey:
    """What one pass over the packets tells, in decode order."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.pictures: list[Picture] = []
        self.shown: list[int] = []
        """The packets whose frames are shown, as they are shown."""
        self.first_packet = b""
        self.held: list[Packet[VideoStream]] | None = []
        """The packets, unless they are so large that they had better be read a second time."""
        self._num_bytes = 0

    def add(self, packet: Packet[VideoStream], read: PacketReader) -> None:
        """Raises FullDecodeRequired for a packet out of the ordinary."""
        if packet.pts is None:
            raise FullDecodeRequired("a packet has no time")
        if packet.is_corrupt:
            raise FullDecodeRequired("a packet is damaged")
        for extra in packet.iter_sidedata():
            if extra.data_type in CHANGES:
                raise FullDecodeRequired("the stream's parameters change")
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
class Plan:
    """The frames to return, the times of all frames as they are shown, and the packets to feed, run by run."""

    indices: tuple[int, ...]
    times: Sequence[int]
    runs: Sequence[Sequence[int]]

    @property
    def num_fed(self) -> int:
        """How many packets are fed in all."""
        return sum(len(run) for run in self.runs)


def survey_packets(video: OpenVideo) -> Survey:
    """Read all packets through; raises FullDecodeRequired, NoFrames and LimitExceeded."""
    context = video.stream.codec_context
    container = video.container.format.name
    if container not in TIMED_CONTAINERS or (container == "avi" and context.reorder_depth and video.codec != "mpeg4"):
        raise FullDecodeRequired(f"{container} does not say when each frame is shown")
    read = reader_of(video.codec, context.extradata or b"")
    survey = Survey()
    for packet in video.packets():
        survey.add(packet, read)
    survey.shown = _in_display_order(survey, video.codec)
    video.check_frames(len(survey.shown))
    return survey


def _in_display_order(survey: Survey, codec: str) -> list[int]:
    check_beginning(survey.pictures)
    order = display_order(survey.times, survey.pictures)
    if codec == "mpeg4" and order != order_by_kind(survey.pictures):
        raise FullDecodeRequired("the times of the frames contradict their kinds")
    return order


def plan_for(indices: Sequence[int], video: OpenVideo, survey: Survey) -> Plan:
    """What to feed for the frames of these indices into all that are shown."""
    targets = {survey.shown[index] for index in indices}
    also = {0} if first_packet_matters(video.codec, survey.first_packet) else set()
    runs = runs_for(targets, survey.times, survey.pictures, also)
    return Plan(tuple(indices), [survey.times[i] for i in survey.shown], runs)


def planned_frames(
    file: VideoFile, video: OpenVideo, survey: Survey, plan: Plan
) -> Generator[tuple[int, VideoFrame], None, None]:
    """Frames in display order with their place in the video; raises FullDecodeRequired unless all is as planned.

    `video` is the one of the survey. The frames before a FullDecodeRequired came as planned.
    """
    context = video.stream.codec_context
    context.reorder_depth = max(context.reorder_depth, reordering(survey.times))
    rank_of = {time_shown: rank for rank, time_shown in enumerate(plan.times)}
    with closing(_fed(file, survey, plan)) as packets:
        for run in plan.runs:
            shown = [survey.times[i] for i in run if survey.pictures[i].is_shown]
            due = iter(sorted(rank_of[time] for time in shown))
            for frame in _decode_run(video, islice(packets, len(run))):
                rank = _rank(frame, rank_of)
                if rank != next(due, None):
                    raise FullDecodeRequired(OUT_OF_STEP)
                yield rank, frame
            if next(due, None) is not None:
                raise FullDecodeRequired(OUT_OF_STEP)


def _fed(file: VideoFile, survey: Survey, plan: Plan) -> Generator[Packet[VideoStream], None, None]:
    """The packets of all runs."""
    fed = [i for run in plan.runs for i in run]
    if survey.held is not None:
        yield from (survey.held[i] for i in fed)
        return
    with file.open(QUICK_PROBING) as again:
        wanted = set(fed)
        yield from (packet for i, packet in enumerate(again.packets()) if i in wanted)


def _decode_run(video: OpenVideo, packets: Iterator[Packet[VideoStream]]) -> Iterator[VideoFrame]:
    context = video.stream.codec_context
    depth = context.reorder_depth
    try:
        for packet in packets:
            video.clock.check()
            yield from context.decode(packet)
        yield from context.decode(None)
    except av.error.FFmpegError as error:
        raise FullDecodeRequired("a packet does not decode") from error
    context.flush_buffers()
    context.reorder_depth = depth


def _rank(frame: VideoFrame, rank_of: dict[int, int]) -> int:
    if frame.is_corrupt:
        raise FullDecodeRequired("a frame is damaged")
    if frame.interlaced_frame:
        raise FullDecodeRequired("frames are interlaced")
    if frame.pts not in rank_of:
        raise FullDecodeRequired("a frame has another time than its packet")
    return rank_of[frame.pts]

"""Minimal path: decode the requested frames of a video from as few packets as possible.

The headers of all packets are read, which costs little; the packets, sorted by time, are the frames. Each requested
frame is decoded from the last start before it, without the packets that no other frame needs:

    decode order       I0 P4 B2 b1 b3 P8 B6 b5 b7  I9 P13 B11 b10 b12     (no frame needs a b)
    frame 3 needs      I0 P4 B2    b3
    frame 13 needs                                 I9 P13

Whatever might make a frame differ from that of a full decode raises `FullDecodeRequired`, which says why.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clips.decoding.bitstream.packet_reader import first_packet_matters
from clips.decoding.container import OpenVideo, VideoFile
from clips.decoding.frames import read_ahead
from clips.decoding.packet_plan import Times, plan_runs, reorder_depth
from clips.decoding.picture import FullDecodeRequired
from clips.decoding.survey.demuxed import survey_demuxed
from clips.decoding.survey.indexed import survey_indexed, table_of
from clips.decoding.survey.packet_table import NoIndex
from clips.decoding.survey.survey import Survey

FEW_PACKETS = 64
"""So few are demuxed sooner than a container's index is read: three of them in 0.4 ms instead of 1.1."""

OUT_OF_ORDER = "frames came in another number or order, or at other times, than their packets"
NO_FRAME = None, -1
"""Time and index where no frame is expected."""


@dataclass(frozen=True)
class Plan:
    """The packets to feed for some frames.

    `indices` are the requested frames, `times` those of all frames in display order (in the stream's time base), `runs`
    the packets to feed, by position in decode order; the decoder is flushed between runs.
    """

    indices: tuple[int, ...]
    times: Times
    runs: Sequence[Sequence[int]]

    @property
    def num_fed(self) -> int:
        """Number of packets in all runs."""
        return sum(len(run) for run in self.runs)


def survey_packets(file: VideoFile, video: OpenVideo, *, needs_times: bool = True) -> Survey:
    """Survey all packets; raise NoFrames, LimitExceeded or Undecodable.

    Unless times are needed, `timestamps` may be None where every packet must be decoded; their number is right.
    """
    packets = video.packets()
    first = None
    try:
        if 0 < video.stream.frames <= FEW_PACKETS:
            raise NoIndex("the packets are few")
        table = table_of(video)
        first = next(packets, None)
        if first is not None:
            return survey_indexed(video, table, first, packets, needs_times=needs_times)
    except NoIndex:
        video.check_index()
    return survey_demuxed(file, video, packets if first is None else chain([first], packets))


def plan_frames(indices: Sequence[int], video: OpenVideo, survey: Survey) -> Plan:
    """Plan the decode of the frames with these indices, counted in display order."""
    targets = set(survey.shown[list(indices)].tolist())
    always_fed = {0} if first_packet_matters(video.codec, survey.first_packet) else set()
    runs = plan_runs(targets, survey.times, survey.pictures, always_fed)
    return Plan(tuple(indices), survey.times[survey.shown], runs)


def decode_planned(
    video: OpenVideo, survey: Survey, plan: Plan, runs: Iterable[Sequence[int]] | None = None
) -> Generator[tuple[int, VideoFrame], None, None]:
    """Feed the planned packets and yield each requested frame with its index, in display order within a run.

    Raises FullDecodeRequired as soon as a frame differs from the plan in number, order or time; the frames before it
    are exact.

    Args:
        video: the open video that the survey was made with.
        survey: facts about all packets.
        plan: the packets to feed.
        runs: those of the plan's runs to decode, by default all.
    """
    context = video.stream.codec_context
    context.reorder_depth = max(context.reorder_depth, reorder_depth(survey.times))
    frame_of = _frames_by_packet(survey, plan)
    requested = frozenset(plan.indices)
    with closing(_packets_of_runs(survey, plan, runs)) as packets_of_runs:
        for run, packets in packets_of_runs:
            expected = iter(sorted(frame_of[number] for number in run if number in frame_of))
            for frame in _decode_run(video, packets):
                time, index = next(expected, NO_FRAME)
                _check(frame, time)
                if index in requested:
                    yield index, frame
            if next(expected, None) is not None:
                raise FullDecodeRequired(OUT_OF_ORDER)


def _frames_by_packet(survey: Survey, plan: Plan) -> dict[int, tuple[int, int]]:
    """Return time and index of the frame in each planned packet, of those that are shown."""
    fed = np.array([number for run in plan.runs for number in run])
    shown = fed[survey.pictures.is_shown[fed]]
    times = survey.times[shown]
    indices = plan.times.searchsorted(times)
    return dict(zip(shown.tolist(), zip(times.tolist(), indices.tolist(), strict=True), strict=True))


def _packets_of_runs(
    survey: Survey, plan: Plan, runs: Iterable[Sequence[int]] | None
) -> Generator[tuple[Sequence[int], Iterator[Packet[VideoStream]]], None, None]:
    if runs is not None and survey.reads_in_any_order:
        for run in runs:
            yield run, read_ahead(survey.read(run))
        return
    in_order = list(plan.runs if runs is None else runs)
    with closing(survey.read([number for run in in_order for number in run])) as packets:
        ahead = read_ahead(packets)
        for run in in_order:
            yield run, islice(ahead, len(run))


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


def _check(frame: VideoFrame, time: int | None) -> None:
    """Raise FullDecodeRequired for a frame that is damaged, interlaced, or not the one of this time."""
    if frame.is_corrupt:
        raise FullDecodeRequired("a frame is damaged")
    if frame.interlaced_frame:
        raise FullDecodeRequired("frames are interlaced")
    if time is None or frame.pts != time:
        raise FullDecodeRequired(OUT_OF_ORDER)

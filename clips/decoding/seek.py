"""Minimal path: decode the requested frames of a video from as few packets as possible.

The file is demuxed once, which costs little; its packets, sorted by time, are its frames. Each requested frame is
decoded from the last start before it, without the packets that no other frame needs:

    decode order       I0 P4 B2 b1 b3 P8 B6 b5 b7  I9 P13 B11 b10 b12     (no frame needs a b)
    frame 3 needs      I0 P4 B2    b3
    frame 13 needs                                 I9 P13

Whatever might make a frame differ from that of a full decode raises `FullDecodeRequired`, which says why.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clips.decoding.bitstream.packet_reader import first_packet_matters, packet_reader
from clips.decoding.container import QUICK_PROBING, OpenVideo, VideoFile
from clips.decoding.packet_plan import check_beginning, display_order, plan_runs, reorder_depth
from clips.decoding.picture import FullDecodeRequired, PacketReader, Picture, WrongTimes

TIMED_CONTAINERS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "flv", "asf", "avi"})
"""Containers whose packets have presentation times, at least where no frames are reordered."""

CHANGING_SIDE_DATA = ("new_extradata", "param_change", "palette")
"""Side data of a packet that changes how later ones decode."""

MAX_HELD_BYTES = 32_000_000
"""Packets of more bytes in all are read a second time instead of being kept in memory."""

OUT_OF_ORDER = "frames came in another number or order than their packets"


class Survey:
    """Facts about a video's packets, gathered in one pass over them.

    `reason` says why every packet must be decoded. Unless it is set, `times` and `pictures` are those of all packets,
    in decode order, and `shown` are the packets whose frames are shown, in display order.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.has_wrong_times = False
        self.timestamps: list[int | None] = []
        """Presentation times of the packets that seem to hold a frame to show, in the stream's time base."""
        self.times: list[int] = []
        self.pictures: list[Picture] = []
        self.shown: list[int] = []
        self.first_packet = b""
        self.held: list[Packet[VideoStream]] | None = []
        """All packets, or None if they exceed MAX_HELD_BYTES."""
        self._num_bytes = 0

    def add(self, packet: Packet[VideoStream], read: PacketReader) -> None:
        """Add the next packet; raise FullDecodeRequired if it is damaged, has no time, or changes parameters."""
        self.count(packet)
        time = packet.pts
        if time is None:
            raise FullDecodeRequired("a packet has no time")
        if packet.is_corrupt:
            raise FullDecodeRequired("a packet is damaged")
        for extra in packet.iter_sidedata():
            if extra.data_type in CHANGING_SIDE_DATA:
                raise FullDecodeRequired("the stream's parameters change")
        picture = read(memoryview(packet))
        if not self.times:
            self.first_packet = bytes(packet)
        self.times.append(time)
        self.pictures.append(picture._replace(is_shown=False) if packet.is_discard else picture)
        if self.held is not None:
            self._hold(packet, self.held)

    def count(self, packet: Packet[VideoStream]) -> None:
        """Count the next packet, whatever it holds."""
        if not packet.is_discard:
            self.timestamps.append(packet.pts)

    def _hold(self, packet: Packet[VideoStream], held: list[Packet[VideoStream]]) -> None:
        held.append(packet)
        self._num_bytes += packet.size
        if self._num_bytes > MAX_HELD_BYTES:
            self.held = None


@dataclass(frozen=True)
class Plan:
    """The packets to feed for some frames.

    `indices` are the requested frames, `times` those of all frames in display order (in the stream's time base), `runs`
    the packets to feed, by position in decode order; the decoder is flushed between runs.
    """

    indices: tuple[int, ...]
    times: Sequence[int]
    runs: Sequence[Sequence[int]]

    @property
    def num_fed(self) -> int:
        """Number of packets in all runs."""
        return sum(len(run) for run in self.runs)


def survey_packets(video: OpenVideo) -> Survey:
    """Read all packets; raise NoFrames, LimitExceeded or Undecodable."""
    survey = Survey()
    packets = video.packets()
    try:
        read = _reader_of(video)
        for packet in packets:
            survey.add(packet, read)
        survey.timestamps = [
            time for time, picture in zip(survey.times, survey.pictures, strict=True) if picture.is_shown
        ]
        video.check_frames(len(survey.timestamps))
        check_beginning(survey.pictures)
        survey.shown = display_order(survey.times, survey.pictures)
    except FullDecodeRequired as error:
        survey.reason, survey.held = str(error), None
        survey.has_wrong_times = isinstance(error, WrongTimes)
    for packet in packets:  # those after the one that was in the way
        survey.count(packet)
    return survey


def _reader_of(video: OpenVideo) -> PacketReader:
    container = video.container.format.name
    if container not in TIMED_CONTAINERS:
        raise FullDecodeRequired(f"{container} does not say when each frame is shown")
    return packet_reader(video.codec, video.stream.codec_context.extradata or b"")


def plan_frames(indices: Sequence[int], video: OpenVideo, survey: Survey) -> Plan:
    """Plan the decode of the frames with these indices, counted in display order."""
    targets = {survey.shown[index] for index in indices}
    always_fed = {0} if first_packet_matters(video.codec, survey.first_packet) else set()
    runs = plan_runs(targets, survey.times, survey.pictures, always_fed)
    return Plan(tuple(indices), [survey.times[i] for i in survey.shown], runs)


def decode_planned(
    file: VideoFile, video: OpenVideo, survey: Survey, plan: Plan, runs: Iterable[Sequence[int]] | None = None
) -> Generator[tuple[int, VideoFrame], None, None]:
    """Feed the planned packets and yield each frame with its index, in display order within a run.

    Raises FullDecodeRequired as soon as a frame differs from the plan in number, order or time; the frames before it
    are exact.

    Args:
        file: the video's file, opened again if the survey holds no packets.
        video: the open video that the survey was made with.
        survey: facts about all packets.
        plan: the packets to feed.
        runs: those of the plan's runs to decode, by default all.
    """
    context = video.stream.codec_context
    context.reorder_depth = max(context.reorder_depth, reorder_depth(survey.times))
    index_of = {time: index for index, time in enumerate(plan.times)}
    with closing(_packets_of_runs(file, survey, plan.runs if runs is None else runs)) as packets_of_runs:
        for run, packets in packets_of_runs:
            shown = [survey.times[i] for i in run if survey.pictures[i].is_shown]
            expected = iter(sorted(index_of[time] for time in shown))
            for frame in _decode_run(video, packets):
                index = _index_of_frame(frame, index_of)
                if index != next(expected, None):
                    raise FullDecodeRequired(OUT_OF_ORDER)
                yield index, frame
            if next(expected, None) is not None:
                raise FullDecodeRequired(OUT_OF_ORDER)


def _packets_of_runs(
    file: VideoFile, survey: Survey, runs: Iterable[Sequence[int]]
) -> Generator[tuple[Sequence[int], Iterator[Packet[VideoStream]]], None, None]:
    if survey.held is not None:
        for run in runs:
            yield run, map(survey.held.__getitem__, run)
        return
    in_order = list(runs)
    wanted = {i for run in in_order for i in run}
    with file.open(QUICK_PROBING) as again:
        packets = (packet for i, packet in enumerate(again.packets()) if i in wanted)
        for run in in_order:
            yield run, islice(packets, len(run))


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


def _index_of_frame(frame: VideoFrame, index_of: dict[int, int]) -> int:
    if frame.is_corrupt:
        raise FullDecodeRequired("a frame is damaged")
    if frame.interlaced_frame:
        raise FullDecodeRequired("frames are interlaced")
    if frame.pts not in index_of:
        raise FullDecodeRequired("a frame has another time than its packet")
    return index_of[frame.pts]

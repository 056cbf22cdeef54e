"""Survey of a video by its container's index: packets are found in the file, not demuxed.

The index is taken only where it lists the packets that FFmpeg would read, with the same times: the first packet is read
by FFmpeg and compared, and so are some entries of the index that FFmpeg itself has made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from clips.decoding.bitstream.packet_reader import INTRA_ONLY, batch_reader
from clips.decoding.container import OpenVideo
from clips.decoding.packet_plan import Times
from clips.decoding.picture import FullDecodeRequired, Pictures
from clips.decoding.survey.avi import read_avi_table
from clips.decoding.survey.mp4 import read_mp4_table
from clips.decoding.survey.packet_table import NoIndex, PacketTable
from clips.decoding.survey.survey import ReadPackets, Survey, survey_of, survey_without_pictures

NUM_COMPARED = 8
"""Entries of FFmpeg's index that are compared with the table."""

CODECS = {
    "mov,mp4,m4a,3gp,3g2,mj2": frozenset({"h264", "hevc", "mpeg4", "av1", "mjpeg", "prores"}),
    "avi": frozenset({"mpeg4", "mjpeg"}),
}
"""Codecs whose packets FFmpeg hands out as they stand in the file, by its name of the container."""


def table_of(video: OpenVideo) -> PacketTable:
    """Return the packets by the container's index. Raises NoIndex, and Undecodable for a file that is cut short."""
    container, stream, most = video.container.format.name, video.stream, video.limits.max_packets
    if video.codec not in CODECS.get(container, ()):
        raise NoIndex(f"packets of {video.codec} in {container} are not found by an index")
    if container == "avi":
        table = read_avi_table(video.read_at, video.file_size, stream.index, most)
    else:
        table = read_mp4_table(video.read_at, video.file_size, stream.id, most)
    table.check()
    _compare_with_index(table, stream)
    video.check_end(table.end())
    return table


def _compare_with_index(table: PacketTable, stream: VideoStream) -> None:
    entries = stream.index_entries
    if len(entries) != len(table):
        raise NoIndex("FFmpeg lists another number of packets")
    numbers = [place * (len(table) - 1) // (NUM_COMPARED - 1) for place in range(NUM_COMPARED)]
    shifts = set()
    for number, size, time in zip(
        numbers, table.sizes[numbers].tolist(), table.decode_times[numbers].tolist(), strict=True
    ):
        entry = entries[number]
        shifts.add(entry.timestamp - time)
        if entry.size != size or entry.is_discard or len(shifts) > 1:
            raise NoIndex("FFmpeg lists other packets")


def survey_indexed(
    video: OpenVideo,
    table: PacketTable,
    first: Packet[VideoStream],
    others: Iterable[Packet[VideoStream]],
    *,
    needs_times: bool = True,
) -> Survey:
    """Survey a video by its packets' table and the first packet that FFmpeg reads; `others` are left to be read.

    Raises NoIndex if they differ, and where the table has no times but every packet must be decoded, unless times are
    not needed; NoFrames and LimitExceeded.
    """
    begin, size = int(table.positions[0]), int(table.sizes[0])
    is_odd = first.is_discard or first.is_corrupt or any(True for _ in first.iter_sidedata())
    if is_odd or first.pts is None or bytes(first) != bytes(video.read_at(begin, begin + size)):
        raise NoIndex("FFmpeg reads another packet first")
    video.check_frames(len(table))
    try:
        pictures = _pictures(video, table)
        times = _times_from(first.pts, table, pictures)
        decode_times = table.decode_times + ((first.dts or 0) - int(table.decode_times[0]))
        table = replace(table, decode_times=decode_times, times=times)
        return survey_of(times, pictures, bytes(first), _reader_of(video, table))
    except FullDecodeRequired as error:
        if table.times is None and needs_times:
            raise NoIndex("the times follow from the pictures") from error
        every_packet = chain([first], others) if video.is_thorough else None
        if table.times is None:
            return survey_without_pictures([None] * len(table), error, every_packet)
        return survey_without_pictures((table.times - table.times[0] + first.pts).tolist(), error, every_packet)


def _pictures(video: OpenVideo, table: PacketTable) -> Pictures:
    if video.codec in INTRA_ONLY:
        return Pictures.all_starts(len(table))
    reader = batch_reader(video.codec, video.stream.codec_context.extradata or b"")
    for batch in table.batches(video.read_at):
        video.clock.check()
        reader.add(batch)
    return reader.pictures()


def _times_from(begin: int, table: PacketTable, pictures: Pictures) -> Times:
    """Return the packets' presentation times, that of the first one being `begin`."""
    times = _delayed(table.decode_times, pictures) if table.times is None and begin else table.times
    times = table.decode_times if times is None else times
    if table.times is None and begin != times[0]:
        raise NoIndex("FFmpeg gives the first packet another time")
    shown: Times = times - times[0] + begin
    return shown


def _delayed(times: Times, pictures: Pictures) -> Times:
    """Return presentation times by FFmpeg's rule: a reference is shown as the next one is decoded, others at once."""
    references = np.flatnonzero(pictures.is_reference)
    delayed = times.copy()
    delayed[references] = times[np.append(references[1:], len(times) - 1)]
    delayed[references[-1:]] += len(times) - delayed[references[-1:]]
    return delayed


def _reader_of(video: OpenVideo, table: PacketTable) -> ReadPackets:
    return lambda numbers: table.packets(numbers, video.stream, video.read_at)

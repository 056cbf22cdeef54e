"""Survey of a video by demuxing it: every packet is read once, and its header looked at."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from clips.decoding.bitstream.batches import MAX_BATCH_BYTES, BatchReader, PacketBatch
from clips.decoding.bitstream.packet_reader import batch_reader
from clips.decoding.container import QUICK_PROBING, OpenVideo, VideoFile
from clips.decoding.picture import FullDecodeRequired, Pictures
from clips.decoding.survey.survey import Survey, survey_of, survey_without_pictures

TIMED_CONTAINERS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "flv", "asf", "avi"})
"""Containers whose packets have presentation times, at least where no frames are reordered."""

CHANGING_SIDE_DATA = ("new_extradata", "param_change", "palette")
"""Side data of a packet that changes how later ones decode."""

MIN_PACKETS = 48
"""Fewer are read one by one, in less time than NumPy needs to begin."""

MAX_HELD_BYTES = 32_000_000
"""Packets of more bytes in all are read a second time instead of being kept in memory."""


def survey_demuxed(file: VideoFile, video: OpenVideo, packets: Iterator[Packet[VideoStream]]) -> Survey:
    """Read all packets; raise NoFrames, LimitExceeded or Undecodable."""
    read_packets = _ReadPackets(file)
    try:
        reader = reader_of(video)
        for packet in packets:
            read_packets.add(packet, reader)
        times, pictures = np.array(read_packets.times, np.int64), read_packets.pictures(reader)
        video.check_frames(int(pictures.is_shown.sum()))
        is_held = read_packets.held is not None
        return survey_of(times, pictures, read_packets.first_packet, read_packets.read, reads_in_any_order=is_held)
    except FullDecodeRequired as error:
        if not video.is_thorough:
            read_packets.held = None
        for packet in packets:  # those after the one that was in the way
            read_packets.take(packet)
        return survey_without_pictures(read_packets.timestamps, error, read_packets.held)


def reader_of(video: OpenVideo) -> BatchReader:
    """Return the reader of a video's packets. Raises FullDecodeRequired for a codec or container without one."""
    container = video.container.format.name
    if container not in TIMED_CONTAINERS:
        raise FullDecodeRequired(f"{container} does not say when each frame is shown")
    return batch_reader(video.codec, video.stream.codec_context.extradata or b"")


class _ReadPackets:
    """The packets read so far: times and pictures, and the packets themselves unless they exceed MAX_HELD_BYTES."""

    def __init__(self, file: VideoFile) -> None:
        self.timestamps: list[int | None] = []
        self.times: list[int] = []
        self.first_packet = b""
        self.held: list[Packet[VideoStream]] | None = []
        self._num_held_bytes = 0
        self._file = file
        self._discarded: list[int] = []
        self._batch: list[Packet[VideoStream]] = []
        self._num_batch_bytes = 0

    def take(self, packet: Packet[VideoStream]) -> None:
        """Count and hold the next packet, whatever it holds."""
        if not packet.is_discard:
            self.timestamps.append(packet.pts)
        self._num_held_bytes += packet.size
        if self._num_held_bytes > MAX_HELD_BYTES:
            self.held = None
        if self.held is not None:
            self.held.append(packet)

    def add(self, packet: Packet[VideoStream], reader: BatchReader) -> None:
        """Add the next packet; raise FullDecodeRequired if it is damaged, has no time, or changes parameters."""
        self.take(packet)
        time = packet.pts
        if time is None:
            raise FullDecodeRequired("a packet has no time")
        if packet.is_corrupt:
            raise FullDecodeRequired("a packet is damaged")
        for extra in packet.iter_sidedata():
            if extra.data_type in CHANGING_SIDE_DATA:
                raise FullDecodeRequired("the stream's parameters change")
        if packet.is_discard:
            self._discarded.append(len(self.times))
        self.first_packet = self.first_packet or bytes(packet)
        self.times.append(time)
        self._batch.append(packet)
        self._num_batch_bytes += packet.size
        if self._num_batch_bytes > MAX_BATCH_BYTES:
            self._read_batch(reader)

    def pictures(self, reader: BatchReader) -> Pictures:
        """Return the pictures of all packets; raise FullDecodeRequired where their reader does."""
        if len(self.times) == len(self._batch) < MIN_PACKETS:
            pictures = Pictures.of([reader.read(memoryview(packet)) for packet in self._batch])
        else:
            self._read_batch(reader)
            pictures = reader.pictures()
        pictures.is_shown[self._discarded] = False
        return pictures

    def _read_batch(self, reader: BatchReader) -> None:
        if self._batch:
            reader.add(PacketBatch.of(self._batch))
        self._batch, self._num_batch_bytes = [], 0

    def read(self, numbers: Sequence[int]) -> Generator[Packet[VideoStream], None, None]:
        """Yield the packets with these places in decode order, which ascend."""
        if self.held is not None:
            yield from (self.held[number] for number in numbers)
            return
        with self._file.open(QUICK_PROBING) as again:
            wanted = set(numbers)
            yield from (packet for number, packet in enumerate(again.packets()) if number in wanted)

"""Batch readers: the pictures of many packets at once, the headers of those that are alike read by NumPy.

A packet of an unusual form is read by its codec's `PacketReader`, so that a batch gives what its packets would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clips.decoding.picture import PacketReader, Picture, Pictures

MAX_BATCH_BYTES = 1 << 23
"""Packets are read in batches of about so many bytes."""


class PacketBatch(NamedTuple):
    """Consecutive packets: `data` uint8 holds those from `begins` up to `ends`, int64 [N]."""

    data: NDArray[np.uint8]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, packets: Sequence[Packet[VideoStream]]) -> PacketBatch:
        """Copy the bytes of packets that were read one by one."""
        ends = np.cumsum([packet.size for packet in packets])
        data = np.frombuffer(b"".join(map(memoryview, packets)), np.uint8)
        return cls(data, np.append(0, ends[:-1]), ends)

    def packet(self, number: int) -> memoryview:
        """Return a packet's bytes."""
        return self.data.data[self.begins[number] : self.ends[number]]

    def heads(self, num_bytes: int) -> NDArray[np.uint8]:
        """Return the first bytes of each packet, [N, num_bytes]; what follows a shorter packet is of no meaning."""
        return rows_at(self.data, self.begins, num_bytes)


def rows_at(data: NDArray[np.uint8], begins: NDArray[np.int64], num_bytes: int) -> NDArray[np.uint8]:
    """Return the bytes from positions in ascending order, [N, num_bytes]; past the end the last one is repeated."""
    last_begin = len(data) - num_bytes
    if begins[-1] > last_begin:
        at = begins[:, np.newaxis] + np.arange(num_bytes)
        rows: NDArray[np.uint8] = data[np.minimum(at, len(data) - 1)]
        return rows
    # a row for each position, without a copy: rows are taken several times as fast as single bytes
    return np.ndarray((last_begin + 1, num_bytes), np.uint8, data, strides=(1, 1))[begins]


class BatchReader(Protocol):
    """Reads a stream's packets, batch by batch in decode order; keeps no part of them."""

    @property
    def read(self) -> PacketReader:
        """The reader of one packet, by which all of them may be read instead."""

    def add(self, batch: PacketBatch) -> None:
        """Read the next packets; raise FullDecodeRequired where a `PacketReader` does."""

    def pictures(self) -> Pictures:
        """Return the pictures of all packets."""


class EachPacket:
    """Batch reader of a codec whose packets are read one by one."""

    def __init__(self, read: PacketReader) -> None:
        self.read = read
        self._pictures: list[Picture] = []

    def add(self, batch: PacketBatch) -> None:
        """Read the next packets."""
        self._pictures += [self.read(batch.packet(number)) for number in range(len(batch.begins))]

    def pictures(self) -> Pictures:
        """Return the pictures of all packets."""
        return Pictures.of(self._pictures)

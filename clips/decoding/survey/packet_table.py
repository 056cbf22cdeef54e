"""PacketTable: the packets of a video as its container's index lists them, and their bytes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clips.decoding.bitstream.batches import MAX_BATCH_BYTES, PacketBatch

ReadAt = Callable[[int, int], memoryview]
"""Returns a file's bytes from one position up to another, or fewer where the file ends."""


class NoIndex(Exception):
    """The container has no index, or one that may not list just the packets that FFmpeg reads; the message says why."""


@dataclass(frozen=True)
class PacketTable:
    """All packets of a stream, in decode order.

    `positions` and `sizes`, int64 [N], are in bytes of the file. Times are in the stream's time base, perhaps from
    another moment than FFmpeg's; `times` of presentation are None where the container tells none. `is_key` is the
    container's mark.
    """

    positions: NDArray[np.int64]
    sizes: NDArray[np.int64]
    is_key: NDArray[np.bool_]
    decode_times: NDArray[np.int64]
    times: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.sizes)

    def check(self) -> None:
        """Raise NoIndex for packets that overlap, are empty, or lie in another order."""
        if not self.sizes.size or (self.sizes <= 0).any():
            raise NoIndex("packets are empty")
        if (self.positions[1:] < self.positions[:-1] + self.sizes[:-1]).any():
            raise NoIndex("packets overlap or lie out of order")

    def end(self) -> int:
        """Return the position behind the last packet."""
        return int(self.positions[-1] + self.sizes[-1])

    def batches(self, read_at: ReadAt) -> Iterator[PacketBatch]:
        """Read all packets, a few megabytes at once."""
        ends = self.positions + self.sizes
        first = 0
        while first < len(self):
            begin = int(self.positions[first])
            last = max(first + 1, int(ends.searchsorted(begin + MAX_BATCH_BYTES, "right")))
            data = np.frombuffer(read_at(begin, int(ends[last - 1])), np.uint8)
            yield PacketBatch(data, self.positions[first:last] - begin, ends[first:last] - begin)
            first = last

    def packets(
        self, numbers: Sequence[int], stream: VideoStream, read_at: ReadAt
    ) -> Generator[Packet[VideoStream], None, None]:
        """Yield packets as FFmpeg would read them, from a table that has times of presentation."""
        time_base, rows = stream.time_base, np.asarray(numbers)
        assert time_base is not None
        assert self.times is not None
        columns = (self.positions, self.sizes, self.times, self.decode_times, self.is_key)
        for begin, size, time, decode_time, is_key in zip(*(column[rows].tolist() for column in columns), strict=True):
            packet: Packet[VideoStream] = Packet(size)  # type: ignore[assignment]
            # not Packet(data), which lacks the zeros behind its end that decoders read
            packet.update(read_at(begin, begin + size))  # type: ignore[arg-type]
            packet.stream = stream
            packet.time_base = time_base
            packet.pts, packet.dts, packet.is_keyframe = time, decode_time, is_key
            yield packet

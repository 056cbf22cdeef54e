"""Batch reader of H.264 and HEVC: most packets are one slice, whose header NumPy reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clips.decoding.bitstream.batches import PacketBatch
from clips.decoding.bitstream.bit_reader import EMULATION_PREVENTION
from clips.decoding.bitstream.nal_units import CodedPicture, NalReader
from clips.decoding.bitstream.order_count import SliceLayout
from clips.decoding.picture import Picture, Pictures

FIRST_SLICE = 0x80
"""Bit of the byte behind a slice's unit header: it is the first one of its picture."""

MAX_LESSONS = 8
"""Packets that are read one by one for the layout of the others with the same unit header."""

NUM_COLUMNS = len(Picture._fields) - 1 + len(CodedPicture._fields) - 1
"""The fields of a `CodedPicture`, those of its picture except the order one by one."""


class NalBatches:
    """Batch reader of units that are prefixed by their lengths."""

    def __init__(self, reader: NalReader) -> None:
        self.read = self._reader = reader
        self._batches: list[NDArray[np.int64]] = []

    def add(self, batch: PacketBatch) -> None:
        """Read the next packets; raise FullDecodeRequired where the reader does."""
        heads = _Heads(batch, self._reader)
        rows = np.zeros((len(batch.begins), NUM_COLUMNS), np.int64)
        alone = heads.is_plain_slice
        alone[0] &= bool(self._batches)  # the first packet may bring parameters
        self._read_each(np.flatnonzero(~alone).tolist(), rows, batch)
        for header in set(heads.headers[alone].tolist()):
            self._read_alike(header, np.flatnonzero(alone & (heads.headers == header)), rows, heads.words, batch)
        self._batches.append(rows)

    def _read_each(self, numbers: Sequence[int], rows: NDArray[np.int64], batch: PacketBatch) -> None:
        if numbers:
            rows[numbers] = [_row(self._reader.read(batch.packet(number))) for number in numbers]

    def _read_alike(
        self,
        header: int,
        numbers: NDArray[np.intp],
        rows: NDArray[np.int64],
        words: NDArray[np.uint64],
        batch: PacketBatch,
    ) -> None:
        """Fill the rows of packets whose one unit has this header."""
        syntax = self._reader.syntax
        unit = header.to_bytes(syntax.num_header_bytes)
        layout = syntax.layout_of(unit)
        for _ in range(MAX_LESSONS):
            low_bits, is_known = layout.find_low_bits(words[numbers])
            if is_known.any() and (picture := syntax.picture_of(unit)):
                known = numbers[is_known]
                coded = CodedPicture(picture, syntax.begins_sequence(unit), syntax.is_anchor(unit, picture), 0)
                rows[known] = _row(coded)
                rows[known, -1] = low_bits[is_known]
            numbers = numbers[~is_known]
            if not numbers.size:
                return
            self._read_each(numbers[:1].tolist(), rows, batch)  # which the layout learns from
            numbers = numbers[1:]
        self._read_each(numbers.tolist(), rows, batch)

    def pictures(self) -> Pictures:
        """Return the pictures of all packets."""
        *picture, begins, is_anchor, low_bits = np.concatenate(self._batches).T
        is_start, is_reference, layer, is_shown, is_leading = picture
        order = self._reader.syntax.counter.orders(low_bits, begins > 0, is_anchor > 0)
        return Pictures(is_start > 0, is_reference > 0, layer, is_shown > 0, is_leading > 0, order)


def _row(coded: CodedPicture) -> tuple[int, ...]:
    picture, *order = coded
    return (*picture[:-1], *order)


class _Heads:
    """The first bytes of each packet's first unit.

    `headers` are unit headers as numbers, `words` the eight bytes behind them. `is_plain_slice` is True for packets
    that are one slice, in whose first bytes nothing is escaped.
    """

    def __init__(self, batch: PacketBatch, reader: NalReader) -> None:
        length_size, header_size = reader.length_size, reader.syntax.num_header_bytes
        begin = length_size + header_size
        sizes = batch.ends - batch.begins
        heads = batch.heads(begin + SliceLayout.NUM_BYTES)
        self.headers = _numbers(heads[:, length_size:begin])
        self.words = np.ascontiguousarray(heads[:, begin:]).view(">u8")[:, 0].astype(np.uint64)
        fills = _numbers(heads[:, :length_size]) == sizes - length_size
        is_first_slice = heads[:, begin] >= FIRST_SLICE
        self.is_plain_slice = fills & (sizes >= heads.shape[1]) & is_first_slice
        zeros = heads[:, begin:] == 0
        escapes = zeros[:, :-2] & zeros[:, 1:-1] & (heads[:, begin + 2 :] == EMULATION_PREVENTION[-1])
        self.is_plain_slice[escapes.nonzero()[0]] = False


def _numbers(columns: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the big-endian numbers in rows of at most seven bytes."""
    padded = np.zeros((len(columns), 8), np.uint8)
    padded[:, -columns.shape[1] :] = columns
    return padded.view(">i8")[:, 0].astype(np.int64)

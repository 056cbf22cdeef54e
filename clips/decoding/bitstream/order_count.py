"""Picture order count: the display order that H.264 (8.2.1) and HEVC (8.3.1) write into their slices.

Slices hold the low bits only; the high ones follow from the picture before. Counts begin anew at an IDR picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clips.decoding.bitstream.bit_reader import EMULATION_PREVENTION, BitReader
from clips.decoding.picture import FullDecodeRequired

SEQUENCE_SPAN = 1 << 40
"""Above any count within a sequence, so that all pictures of a sequence follow all of the one before."""

MAX_LAYOUTS = 32
"""Streams have a few; one that numbers its IDR pictures has as many as these."""


class OrderCounter:
    """Completes the order counts of a stream's pictures, which come in decode order."""

    def __init__(self) -> None:
        self._first = 0
        self._previous = 0
        self._num_bits: int | None = None

    def expect(self, num_bits: int) -> None:
        """Set how many low bits pictures have, or 0 if they are shown as decoded; FullDecodeRequired for a change."""
        if self._num_bits not in {None, num_bits}:
            raise FullDecodeRequired("the stream's parameters change")
        self._num_bits = num_bits

    def begin_sequence(self) -> None:
        """Begin at an IDR picture."""
        self._first += SEQUENCE_SPAN
        self._previous = 0

    def order(self, low_bits: int, is_anchor: bool) -> int:
        """Return the position in display order; pictures that are an anchor have the next ones count from theirs.

        `expect` comes before the first picture.
        """
        if not self._num_bits:
            self._previous += 1
            return self._first + self._previous
        span = 1 << self._num_bits
        count = (self._previous & -span) + low_bits
        step = count - self._previous
        if step <= -span >> 1:
            count += span
        elif step > span >> 1:
            count -= span
        if is_anchor:
            self._previous = count
        return self._first + count

    def orders(
        self, low_bits: NDArray[np.int64], begins: NDArray[np.bool_], is_anchor: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return the positions of a stream's pictures in display order, int64 [N], as `order` would one after another.

        Args:
            low_bits: the pictures' low bits, as read.
            begins: the pictures that begin a sequence.
            is_anchor: those that the next ones count from.
        """
        places = np.arange(len(begins))
        last_begin: NDArray[np.int64] = np.maximum.accumulate(np.where(begins, places, 0))
        first = np.cumsum(begins) * SEQUENCE_SPAN
        if not self._num_bits:
            return first + places - last_begin + 1
        counts_from_next = is_anchor | begins
        # the last one stands for none before
        low_before = np.append(np.where(is_anchor, low_bits, 0)[counts_from_next], 0)
        before = np.cumsum(counts_from_next) - counts_from_next - 1
        steps = self._nearest(low_bits - np.where(begins, 0, low_before[before]))
        steps_of_anchors = np.where(is_anchor, steps, 0)
        sums = np.cumsum(steps_of_anchors) - steps_of_anchors
        places_shown: NDArray[np.int64] = first + sums - sums[last_begin] + steps
        return places_shown

    def _nearest(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        span = 1 << (self._num_bits or 0)
        return steps + span * ((steps <= -span >> 1).astype(np.int64) - (steps > span >> 1))


class SliceLayout:
    """Positions of the order count's low bits in slice headers, by the first bits, for headers that are alike.

    A header is a few codes of varying length and then fields of fixed ones. Headers with the same codes have their
    fields at the same places, so that most need no reader of bits.
    """

    NUM_BYTES = 8
    NUM_BITS = 8 * NUM_BYTES

    def __init__(self) -> None:
        self._fields: dict[tuple[int, int], tuple[int, int]] = {}
        """Shift and mask of the low bits, by number and value of the bits up to the end of the codes."""
        self._lengths: set[int] = set()

    def low_bits(self, header: bytes) -> int | None:
        """Return the low bits in a slice header's first `NUM_BYTES`, or None for one that must be read."""
        if EMULATION_PREVENTION in header or len(header) < self.NUM_BYTES:
            return None
        word = int.from_bytes(header)
        for length in self._lengths:
            field = self._fields.get((length, word >> self.NUM_BITS - length))
            if field is not None:
                return word >> field[0] & field[1]
        return None

    def find_low_bits(self, words: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the low bits in many headers without emulation prevention, and which of them are known."""
        low_bits, is_known = np.zeros(len(words), np.int64), np.zeros(len(words), np.bool_)
        for (length, codes), (shift, mask) in self._fields.items():
            alike = words >> np.uint64(self.NUM_BITS - length) == codes
            low_bits[alike] = words[alike] >> np.uint64(shift) & np.uint64(mask)
            is_known |= alike
        return low_bits, is_known

    def learn(self, header: bytes, bits: BitReader, num_code_bits: int, num_bits: int) -> None:
        """Remember a header whose `num_bits` low bits `bits` has just read, after codes of `num_code_bits`."""
        shift = self.NUM_BITS - bits.num_read
        is_plain = EMULATION_PREVENTION not in header and len(header) == self.NUM_BYTES
        if is_plain and shift >= 0 and len(self._fields) < MAX_LAYOUTS:
            codes = int.from_bytes(header) >> self.NUM_BITS - num_code_bits
            self._fields[num_code_bits, codes] = shift, (1 << num_bits) - 1
            self._lengths.add(num_code_bits)

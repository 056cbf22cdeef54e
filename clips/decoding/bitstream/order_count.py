"""Picture order count: the display order that H.264 (8.2.1) and HEVC (8.3.1) write into their slices.

Slices hold the low bits only; the high ones follow from the picture before. Counts begin anew at an IDR picture.
"""

from __future__ import annotations

from clips.decoding.bitstream.bit_reader import EMULATION_PREVENTION, BitReader
from clips.decoding.picture import FullDecodeRequired

SEQUENCE_SPAN = 1 << 40
"""Above any count within a sequence, so that all pictures of a sequence follow all of the one before."""


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


class SliceLayout:
    """Positions of the order count's low bits in slice headers, by the first byte, for headers that are alike.

    A header is a few codes of varying length and then fields of fixed ones. Where the codes end within the first byte,
    that byte tells where all fields are, so that most headers need no reader of bits.
    """

    NUM_BYTES = 8

    def __init__(self) -> None:
        self._shifts: dict[int, int] = {}
        self._mask = 0

    def low_bits(self, header: bytes) -> int | None:
        """Return the low bits in a slice header's first `NUM_BYTES`, or None for one that must be read."""
        shift = self._shifts.get(header[0]) if header else None
        if shift is None or EMULATION_PREVENTION in header or len(header) < self.NUM_BYTES:
            return None
        return int.from_bytes(header) >> shift & self._mask

    def learn(self, header: bytes, bits: BitReader, num_code_bits: int, num_bits: int) -> None:
        """Remember a header whose `num_bits` low bits `bits` has just read, after codes of `num_code_bits`."""
        shift = 8 * self.NUM_BYTES - bits.num_read
        num_free_bits = 8 - num_code_bits
        if num_free_bits >= 0 and shift >= 0:
            first = header[0] >> num_free_bits << num_free_bits
            self._shifts.update(dict.fromkeys(range(first, first + (1 << num_free_bits)), shift))
            self._mask = (1 << num_bits) - 1

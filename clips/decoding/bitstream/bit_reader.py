"""BitReader: unsigned integers of any width from the first bytes of a header."""

from __future__ import annotations


class BitReader:
    """Reads unsigned integers, highest bit first, from the first 64 bytes of a header; past its end are zeros.

    bits = BitReader(memoryview(b"\\xa0"))
    bits.read(1), bits.read(2)    # (1, 1)
    """

    NUM_BYTES = 64

    def __init__(self, data: memoryview) -> None:
        self._number = int.from_bytes(bytes(data[: self.NUM_BYTES]).ljust(self.NUM_BYTES, b"\0"))
        self._left = 8 * self.NUM_BYTES

    def read(self, count: int) -> int:
        """Read the next `count` bits."""
        self._left -= count
        return self._number >> self._left & ((1 << count) - 1)

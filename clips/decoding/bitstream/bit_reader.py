"""BitReader: unsigned integers of any width, and Exp-Golomb codes, from the first bytes of a header."""

from __future__ import annotations

from clips.decoding.picture import FullDecodeRequired

EMULATION_PREVENTION = b"\0\0\3"
"""H.264 and HEVC write zeros that might look like a start code with a 3 behind the second one."""

TOO_LONG = "a header is longer than any that is known"


class BitReader:
    """Reads unsigned integers, highest bit first, from the first bytes of a header; past its end are zeros.

        bits = BitReader(memoryview(b"\\xa0"))
        bits.read(1), bits.read(2)    # (1, 1)

    Reading past the first `num_bytes` raises FullDecodeRequired.
    """

    NUM_BYTES = 64
    MAX_PARAMETER_BYTES = 1024

    def __init__(self, data: bytes | memoryview, num_bytes: int = NUM_BYTES) -> None:
        self._number = int.from_bytes(bytes(data[:num_bytes]).ljust(num_bytes, b"\0"))
        self._size = self._left = 8 * num_bytes

    @classmethod
    def unescaped(cls, data: bytes | memoryview, num_bytes: int = NUM_BYTES) -> BitReader:
        """Make a reader of a NAL unit's first bytes, without the bytes that prevent the emulation of start codes."""
        return cls(bytes(data[:num_bytes]).replace(EMULATION_PREVENTION, b"\0\0"), num_bytes)

    @classmethod
    def of_parameters(cls, unit: bytes) -> BitReader:
        """Make a reader of a NAL unit that holds parameters, which may be longer than a header."""
        return cls.unescaped(unit, min(len(unit) + cls.NUM_BYTES, cls.MAX_PARAMETER_BYTES))

    @property
    def num_read(self) -> int:
        """Number of bits read so far."""
        return self._size - self._left

    def read(self, count: int) -> int:
        """Read the next `count` bits."""
        self._left -= count
        if self._left < 0:
            raise FullDecodeRequired(TOO_LONG)
        return self._number >> self._left & ((1 << count) - 1)

    def read_golomb(self) -> int:
        """Read an unsigned Exp-Golomb code: ue(v) in ITU-T H.264, 9.1."""
        rest = self._number & ((1 << self._left) - 1)
        num_zeros = self._left - rest.bit_length()
        self._left -= 2 * num_zeros + 1
        if self._left < 0:
            raise FullDecodeRequired(TOO_LONG)
        return (rest >> self._left) - 1

    def read_signed_golomb(self) -> int:
        """Read a signed Exp-Golomb code: se(v) in ITU-T H.264, 9.1.1."""
        code = self.read_golomb()
        return (code + 1) // 2 if code & 1 else -(code // 2)

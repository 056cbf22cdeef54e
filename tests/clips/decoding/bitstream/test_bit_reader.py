"""Unsigned integers from the bits of a header."""

from clips.decoding.bitstream.bit_reader import BitReader


def test_bits_are_read_highest_first_and_across_bytes():
    bits = BitReader(memoryview(b"\xa5\x0f"))
    assert [bits.read(1), bits.read(3), bits.read(8)] == [1, 2, 0x50]


def test_past_the_end_are_zeros():
    bits = BitReader(memoryview(b"\xff"))
    assert (bits.read(4), bits.read(16)) == (15, 0xF000)

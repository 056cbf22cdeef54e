"""VP8 and VP9 packet headers: frame tags (RFC 6386, 9.1), uncompressed headers and superframes."""

from __future__ import annotations

from collections.abc import Iterator

from clips.decoding.bitstream.bit_reader import BitReader
from clips.decoding.picture import FullDecodeRequired, Picture


def read_vp8(data: memoryview) -> Picture:
    """Read the frame tag of a VP8 packet, which holds one frame."""
    return Picture(is_start=not data[0] & 1, is_shown=bool(data[0] & 0x10))


def read_vp9(data: memoryview) -> Picture:
    """Read a VP9 packet: a frame, or a superframe of hidden frames and one that is shown."""
    pictures = []
    for frame in _split_superframe(data):
        if not frame:
            raise FullDecodeRequired("a packet holds an empty frame")
        pictures.append(_read_vp9_frame(BitReader(frame)))
    if sum(picture.is_shown for picture in pictures) > 1:
        raise FullDecodeRequired("a packet shows several frames")
    first = pictures[0]
    return Picture(is_start=first.is_start and first.is_shown, is_shown=any(one.is_shown for one in pictures))


def _split_superframe(data: memoryview) -> Iterator[memoryview]:
    """Yield the packet's frames; the index of their sizes stands at its end (VP9 specification, annex B)."""
    marker = data[-1]
    count, size = (marker & 7) + 1, (marker >> 3 & 3) + 1
    index = data[-(2 + count * size) :]
    if marker & 0xE0 != 0xC0 or len(index) < 2 + count * size or index[0] != marker:
        yield data
        return
    at = 0
    for start in range(1, 1 + count * size, size):
        length = int.from_bytes(index[start : start + size], "little")
        yield data[at : at + length]
        at += length


def _read_vp9_frame(bits: BitReader) -> Picture:
    """Read the first fields of an uncompressed header (VP9 specification, 6.2)."""
    marker, profile_low, profile_high = bits.read(2), bits.read(1), bits.read(1)
    if marker != 2:
        raise FullDecodeRequired("a frame's header is damaged")
    if profile_low and profile_high:
        bits.read(1)
    shows_existing_frame = bits.read(1)
    if shows_existing_frame:
        return Picture(is_start=False)
    is_key, is_shown = not bits.read(1), bool(bits.read(1))
    return Picture(is_start=is_key, is_shown=is_shown)

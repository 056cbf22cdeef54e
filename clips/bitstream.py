"""What a compressed picture's header tells without decoding it: may decoding start here, may it be left out?

Each reader follows one codec. Where a header is unusual enough that leaving pictures out might change the others,
it raises `Unsure`, and everything is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Unsure(Exception):
    """Why nothing of this video should be left out."""


class Picture(NamedTuple):
    """One packet's picture. No picture of a higher `layer` is needed by one of a lower."""

    is_start: bool
    """Decoding may start here: no picture that is shown later needs an earlier one."""
    is_reference: bool = True
    """Others of its layer may need it."""
    layer: int = 0
    is_shown: bool = True
    is_leading: bool = False
    """Follows a start but needs pictures before it, and is lost when decoding starts there."""


Reader = Callable[[bytes], Picture]

INTRA_ONLY = frozenset({"mjpeg", "prores", "dnxhd", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "v210", "dvvideo"})
"""Codecs whose every packet decodes by itself."""

START_CODE = b"\0\0\1"

X264_SIGNATURE = re.compile(rb"x264 - core (\d{1,9})")
X264_WITHOUT_FAULTS = 165


def reader_of(codec: str, extradata: bytes) -> Reader:
    """The reader of a codec's packets; Unsure if there is none."""
    if codec in INTRA_ONLY:
        return _read_intra
    readers: dict[str, Callable[[bytes], Reader]] = {
        "h264": lambda extra: _NalReader(extra, extra[4:5], _H264),
        "hevc": lambda extra: _NalReader(extra, extra[21:22], _Hevc),
        "mpeg4": lambda extra: _read_mpeg4,
        "vp8": lambda extra: _read_vp8,
        "vp9": lambda extra: _read_vp9,
        "libdav1d": lambda extra: _read_av1,
    }
    if codec not in readers:
        raise Unsure(f"the frames of {codec} may need any earlier one")
    return readers[codec](extradata)


def first_packet_matters(codec: str, first_packet: bytes) -> bool:
    """Whether later packets decode differently when the decoder has not seen the first one.

    Decoders work around the faults of some encoders, which sign the first packet.
    """
    if codec == "h264":
        signature = X264_SIGNATURE.search(first_packet)
        return signature is not None and int(signature[1]) < X264_WITHOUT_FAULTS
    return codec == "mpeg4"


def _read_intra(data: bytes) -> Picture:
    return Picture(is_start=True)


# --- H.264 and HEVC: network abstraction layer units ---


class _Slice(NamedTuple):
    picture: Picture
    is_first: bool


class _H264:
    """Decoding starts at IDR pictures only: others may be followed by pictures that need earlier ones."""

    @staticmethod
    def is_parameters(unit: bytes) -> bool:
        return unit[0] & 31 in {7, 8, 13}

    @staticmethod
    def slice_of(unit: bytes) -> _Slice | None:
        kind = unit[0] & 31
        if kind in {2, 3, 4}:
            raise Unsure("slices come in partitions")
        if kind in {14, 15, 20, 21}:
            raise Unsure("the stream has further layers or views")
        if kind not in {1, 5}:
            return None
        return _Slice(Picture(kind == 5, bool(unit[0] & 0x60)), bool(unit[1] & 0x80))


class _Hevc:
    """Even types below 16 are needed by no picture of their layer; types 8 and 9 need what lies before a start."""

    @staticmethod
    def is_parameters(unit: bytes) -> bool:
        return unit[0] >> 1 & 63 in {32, 33, 34}

    @staticmethod
    def slice_of(unit: bytes) -> _Slice | None:
        kind = unit[0] >> 1 & 63
        if kind in {36, 37}:
            raise Unsure("the stream ends in the middle")
        if unit[0] & 1 or unit[1] >> 3:
            raise Unsure("the stream has further layers or views")
        if kind >= 32:
            return None
        if kind in {16, 17, 18}:
            raise Unsure("the stream was spliced")
        is_reference = kind >= 16 or bool(kind & 1)
        layer = (unit[1] & 7) - 1
        picture = Picture(kind in {19, 20, 21}, is_reference, layer, is_leading=kind in {8, 9})
        return _Slice(picture, bool(unit[2] & 0x80))


class _NalReader:
    """Reads packets of whole access units, with start codes or, when the extradata is a configuration, with lengths."""

    def __init__(self, extradata: bytes, length_byte: bytes, syntax: type[_H264] | type[_Hevc]) -> None:
        has_lengths = extradata[:1] == b"\1" and bool(length_byte)
        self._length_size = (length_byte[0] & 3) + 1 if has_lengths else 0
        self._syntax = syntax
        self._parameters: set[bytes] = set()
        self._known = extradata
        self._is_first_packet = True

    def __call__(self, data: bytes) -> Picture:
        slices = []
        for unit in self._units(data):
            if len(unit) < 3:
                continue
            if self._syntax.is_parameters(unit):
                self._check_parameters(unit)
            elif found := self._syntax.slice_of(unit):
                slices.append(found)
        self._is_first_packet = False
        return _one_picture(slices)

    def _units(self, data: bytes) -> Iterator[bytes]:
        return _by_length(data, self._length_size) if self._length_size else _by_start_code(data)

    def _check_parameters(self, unit: bytes) -> None:
        """Parameters stay in force for later packets, so those that are left out must not bring new ones."""
        unit = unit.rstrip(b"\0")
        if self._is_first_packet:
            self._parameters.add(unit)
        elif unit not in self._parameters and (self._parameters or unit not in self._known):
            raise Unsure("the stream's parameters change")


def _by_length(data: bytes, size: int) -> Iterator[bytes]:
    at = 0
    while at + size < len(data):
        end = at + size + int.from_bytes(data[at : at + size])
        if end > len(data):
            raise Unsure("a packet is cut short")
        yield data[at + size : end]
        at = end


def _by_start_code(data: bytes) -> Iterator[bytes]:
    at = data.find(START_CODE)
    if at < 0:
        raise Unsure("a packet has no start code")
    while at >= 0:
        following = data.find(START_CODE, at + 3)
        yield data[at + 3 : following if following >= 0 else len(data)]
        at = following


def _one_picture(slices: list[_Slice]) -> Picture:
    if sum(one.is_first for one in slices) != 1:
        raise Unsure("a packet does not hold exactly one picture")
    pictures = [one.picture for one in slices]
    if any((one.is_start, one.layer) != (pictures[0].is_start, pictures[0].layer) for one in pictures):
        raise Unsure("the slices of a picture differ in kind")
    return next((one for one in pictures if one.is_reference), pictures[0])


# --- The others: one short header a packet ---

MAX_EMPTY_VOP_BYTES = 19


def _read_mpeg4(data: bytes) -> Picture:
    """A video object plane (VOP): I 0, P 1, B 2, S 3. Packed streams put two in a packet, and an empty one later."""
    at = data.find(START_CODE + b"\xb6")
    if at < 0 or data.find(START_CODE + b"\xb6", at + 4) >= 0:
        raise Unsure("a packet does not hold exactly one picture")
    if len(data) - at <= MAX_EMPTY_VOP_BYTES:
        raise Unsure("a packet may hold an empty picture")
    kind = data[at + 4] >> 6
    return Picture(is_start=kind == 0, is_reference=kind != 2)


def _read_vp8(data: bytes) -> Picture:
    return Picture(is_start=not data[0] & 1, is_shown=bool(data[0] & 0x10))


def _read_vp9(data: bytes) -> Picture:
    """A packet is a frame, or a superframe of hidden frames and a shown one."""
    shown = []
    for frame in _frames_of_superframe(data):
        if not frame:
            raise Unsure("a packet holds an empty frame")
        shown.append(_read_vp9_frame(frame))
    if sum(picture.is_shown for picture in shown) > 1:
        raise Unsure("a packet shows several frames")
    return Picture(is_start=shown[0].is_start and shown[0].is_shown, is_shown=any(one.is_shown for one in shown))


def _frames_of_superframe(data: bytes) -> Iterator[bytes]:
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


def _read_vp9_frame(frame: bytes) -> Picture:
    bits = _Bits(frame)
    marker, low, high = bits.take(2), bits.take(1), bits.take(1)
    if marker != 2:
        raise Unsure("a frame's header is damaged")
    if low and high:
        bits.take(1)
    if bits.take(1):
        return Picture(is_start=False)
    is_key, is_shown = not bits.take(1), bool(bits.take(1))
    return Picture(is_start=is_key, is_shown=is_shown)


class _Bits:
    """Reads whole numbers from bytes, the highest bit first; past the end are zeros."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data[:8].ljust(8, b"\0"))
        self._left = 64

    def take(self, count: int) -> int:
        self._left -= count
        return self._number >> self._left & ((1 << count) - 1)


AV1_SEQUENCE, AV1_FRAME_HEADER, AV1_FRAME = 1, 3, 6


def _read_av1(data: bytes) -> Picture:
    """A temporal unit shows one frame. Decoding starts where its first frame is a shown key frame after a sequence."""
    has_sequence = False
    for kind, payload in _open_bitstream_units(data):
        if kind == AV1_SEQUENCE:
            has_sequence = True
            if payload[:1] and payload[0] & 0x18:
                raise Unsure("the stream is of still pictures")
        elif kind in {AV1_FRAME_HEADER, AV1_FRAME}:
            # show_existing_frame 0, frame_type 00 (key), show_frame 1
            return Picture(is_start=has_sequence and bool(payload[:1]) and payload[0] >> 4 == 1)
    raise Unsure("a packet does not hold exactly one picture")


def _open_bitstream_units(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        header = data[at]
        at += 2 if header & 4 else 1
        size = len(data) - at
        if header & 2:
            size, at = _leb128(data, at)
        yield header >> 3 & 15, data[at : at + size]
        at += size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 56, 7):
        byte = data[at] if at < len(data) else 0
        value |= (byte & 0x7F) << shift
        at += 1
        if not byte & 0x80:
            break
    return value, at

"""What a compressed picture's header tells without decoding it: may decoding start here, may it be left out?

Each reader follows one codec. Where a header is unusual enough that leaving pictures out might change the others,
it raises `FullDecodeRequired`, and everything is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple


class FullDecodeRequired(Exception):
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


PacketReader = Callable[[memoryview], Picture]
"""Called once for each packet, in decode order. Most of a packet is not looked at, and nothing of it kept."""

INTRA_ONLY = frozenset({"mjpeg", "prores", "dnxhd", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "v210", "dvvideo"})
"""Codecs whose every packet decodes by itself."""

START_CODE = b"\0\0\1"

X264_SIGNATURE = re.compile(rb"x264 - core (\d{1,9})")
X264_WITHOUT_FAULTS = 165


def reader_of(codec: str, extradata: bytes) -> PacketReader:
    """The reader of a codec's packets; FullDecodeRequired if there is none."""
    if codec in INTRA_ONLY:
        return _read_intra
    readers: dict[str, Callable[[bytes], PacketReader]] = {
        "h264": lambda extra: _NalReader(extra, extra[4:5], _H264),
        "hevc": lambda extra: _NalReader(extra, extra[21:22], _Hevc),
        "mpeg4": _Mpeg4Reader,
        "vp8": lambda extra: _read_vp8,
        "vp9": lambda extra: _read_vp9,
        "av1": lambda extra: _Av1Reader(),
    }
    if codec not in readers:
        raise FullDecodeRequired(f"the frames of {codec} may need any earlier one")
    return readers[codec](extradata)


def first_packet_matters(codec: str, first_packet: bytes) -> bool:
    """Whether later packets decode differently when the decoder has not seen the first one.

    H.264 decoders work around the faults of older builds of x264, which signs the first packet only.
    """
    signature = X264_SIGNATURE.search(first_packet) if codec == "h264" else None
    return signature is not None and int(signature[1]) < X264_WITHOUT_FAULTS


def _read_intra(data: memoryview) -> Picture:
    return Picture(is_start=True)


# --- H.264 and HEVC: network abstraction layer units ---


class _H264:
    """Decoding starts at IDR pictures only: others may be followed by pictures that need earlier ones."""

    NUM_HEADER_BYTES = 1

    @staticmethod
    def is_parameters(header: bytes) -> bool:
        return header[0] & 31 in {7, 8, 13}

    @staticmethod
    def picture_of(header: bytes) -> Picture | None:
        """What the unit with this header is a slice of, if it is one."""
        kind = header[0] & 31
        if kind in {2, 3, 4}:
            raise FullDecodeRequired("slices come in partitions")
        if kind in {14, 15, 20, 21}:
            raise FullDecodeRequired("the stream has further layers or views")
        return Picture(kind == 5, bool(header[0] & 0x60)) if kind in {1, 5} else None


class _Hevc:
    """Even types below 16 are needed by no picture of their layer; types 8 and 9 need what lies before a start."""

    NUM_HEADER_BYTES = 2

    @staticmethod
    def is_parameters(header: bytes) -> bool:
        return header[0] >> 1 & 63 in {32, 33, 34}

    @staticmethod
    def picture_of(header: bytes) -> Picture | None:
        """What the unit with this header is a slice of, if it is one."""
        kind = header[0] >> 1 & 63
        if kind in {36, 37}:
            raise FullDecodeRequired("the stream ends in the middle")
        if header[0] & 1 or header[1] >> 3:
            raise FullDecodeRequired("the stream has further layers or views")
        if kind >= 32:
            return None
        if kind in {16, 17, 18}:
            raise FullDecodeRequired("the stream was spliced")
        is_reference = kind >= 16 or bool(kind & 1)
        return Picture(kind in {19, 20, 21}, is_reference, layer=(header[1] & 7) - 1, is_leading=kind in {8, 9})


class _NalReader:
    """Reads packets of whole access units, with start codes or, when the extradata is a configuration, with lengths."""

    def __init__(self, extradata: bytes, length_byte: bytes, syntax: type[_H264] | type[_Hevc]) -> None:
        has_lengths = extradata[:1] == b"\1" and bool(length_byte)
        self._length_size = (length_byte[0] & 3) + 1 if has_lengths else 0
        self._syntax = syntax
        self._picture_of = cache(syntax.picture_of)
        self._is_parameters = cache(syntax.is_parameters)
        self._parameters: set[bytes] = set()
        self._known = extradata
        self._is_first_packet = True

    def __call__(self, data: memoryview) -> Picture:
        pictures = []
        num_first_slices = 0
        size = self._syntax.NUM_HEADER_BYTES
        for unit in self._units(data):
            if len(unit) > size:
                header = bytes(unit[:size])
                if picture := self._picture_of(header):
                    pictures.append(picture)
                    num_first_slices += unit[size] >> 7
                elif self._is_parameters(header):
                    self._check_parameters(bytes(unit))
        self._is_first_packet = False
        if num_first_slices != 1:
            raise FullDecodeRequired("a packet does not hold exactly one picture")
        return pictures[0] if len(pictures) == 1 else _same_picture(pictures)

    def _units(self, data: memoryview) -> Iterable[memoryview | bytes]:
        return _by_length(data, self._length_size) if self._length_size else _by_start_code(bytes(data))

    def _check_parameters(self, unit: bytes) -> None:
        """Parameters stay in force for later packets, so those that are left out must not bring new ones."""
        unit = unit.rstrip(b"\0")
        if self._is_first_packet:
            self._parameters.add(unit)
        elif unit not in self._parameters and (self._parameters or unit not in self._known):
            raise FullDecodeRequired("the stream's parameters change")


def _by_length(data: memoryview, size: int) -> Iterator[memoryview]:
    at = 0
    while at + size < len(data):
        end = at + size + int.from_bytes(data[at : at + size])
        if end > len(data):
            raise FullDecodeRequired("a packet is cut short")
        yield data[at + size : end]
        at = end


def _by_start_code(data: bytes) -> Sequence[bytes]:
    return data.split(START_CODE)[1:]


def _same_picture(slices: Sequence[Picture]) -> Picture:
    """Some slices may be marked as needed by none while others of their picture are needed."""
    if any((one.is_start, one.layer) != (slices[0].is_start, slices[0].layer) for one in slices):
        raise FullDecodeRequired("the slices of a picture differ in kind")
    return next((one for one in slices if one.is_reference), slices[0])


# --- The others: one short header a packet ---

VOP = START_CODE + b"\xb6"
MAX_EMPTY_VOP_BYTES = 19
GROUP_OF_VOPS = START_CODE + b"\xb3"
DIVX = b"DivX"

MAX_HEADERS_BYTES = 256


class _Mpeg4Reader:
    """A packet is a video object plane (VOP): I 0, P 1, B 2, S 3. DivX packs two in one and says so in its headers."""

    def __init__(self, extradata: bytes) -> None:
        self._extradata = extradata
        self._parameters: bytes | None = None
        self._may_be_packed = DIVX in extradata

    def __call__(self, data: memoryview) -> Picture:
        packet = bytes(data[:MAX_HEADERS_BYTES])
        if VOP not in packet:
            packet = bytes(data)
        headers, vop, body = packet.partition(VOP)
        self._may_be_packed |= DIVX in headers
        if not vop or (self._may_be_packed and VOP in bytes(data)[len(headers) + len(VOP) :]):
            raise FullDecodeRequired("a packet does not hold exactly one picture")
        if len(data) - len(headers) <= MAX_EMPTY_VOP_BYTES:
            raise FullDecodeRequired("a packet may hold an empty picture")
        kind = body[0] >> 6
        self._check_parameters(headers.partition(GROUP_OF_VOPS)[0], is_start=kind == 0)
        return Picture(is_start=kind == 0, is_reference=kind != 2)

    def _check_parameters(self, parameters: bytes, *, is_start: bool) -> None:
        """Every start must bring the parameters, the encoder's name among them, or the container for all."""
        if self._parameters is None:
            self._parameters = parameters
        is_known = parameters == self._parameters or (not parameters and self._parameters in self._extradata)
        if not is_known and (parameters or is_start):
            raise FullDecodeRequired("the stream's parameters change")


def _read_vp8(data: memoryview) -> Picture:
    return Picture(is_start=not data[0] & 1, is_shown=bool(data[0] & 0x10))


def _read_vp9(data: memoryview) -> Picture:
    """A packet is a frame, or a superframe of hidden frames and a shown one."""
    pictures = []
    for frame in _frames_of_superframe(data):
        if not frame:
            raise FullDecodeRequired("a packet holds an empty frame")
        pictures.append(_read_vp9_frame(_Bits(frame)))
    if sum(picture.is_shown for picture in pictures) > 1:
        raise FullDecodeRequired("a packet shows several frames")
    first = pictures[0]
    return Picture(is_start=first.is_start and first.is_shown, is_shown=any(one.is_shown for one in pictures))


def _frames_of_superframe(data: memoryview) -> Iterator[memoryview]:
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


def _read_vp9_frame(bits: _Bits) -> Picture:
    marker, low, high = bits.take(2), bits.take(1), bits.take(1)
    if marker != 2:
        raise FullDecodeRequired("a frame's header is damaged")
    if low and high:
        bits.take(1)
    if bits.take(1):
        return Picture(is_start=False)
    is_key, is_shown = not bits.take(1), bool(bits.take(1))
    return Picture(is_start=is_key, is_shown=is_shown)


class _Bits:
    """Reads whole numbers from the first bytes of something, the highest bit first; past them are zeros."""

    NUM_BYTES = 64

    def __init__(self, data: memoryview) -> None:
        self._number = int.from_bytes(bytes(data[: self.NUM_BYTES]).ljust(self.NUM_BYTES, b"\0"))
        self._left = 8 * self.NUM_BYTES

    def take(self, count: int) -> int:
        self._left -= count
        return self._number >> self._left & ((1 << count) - 1)


# --- AV1 ---

AV1_SEQUENCE, AV1_FRAME_HEADER, AV1_FRAME = 1, 3, 6
"""Kinds of open bitstream units."""
AV1_KEY, AV1_INTRA_ONLY, AV1_SWITCH = 0, 2, 3
"""Kinds of frames."""
SELECT = 2
"""Each frame says for itself."""


class _Av1Sequence(NamedTuple):
    """What of a sequence header the frame headers' layout depends on (AV1 specification, 5.5)."""

    screen_content_tools: int
    integer_motion: int
    order_hint_bits: int

    @classmethod
    def read(cls, bits: _Bits) -> _Av1Sequence:
        """FullDecodeRequired for what no player's file has."""
        _profile, is_still, is_reduced, has_timing = bits.take(3), bits.take(1), bits.take(1), bits.take(1)
        if is_still or is_reduced:
            raise FullDecodeRequired("the stream is of still pictures")
        has_delay, num_further_points = bits.take(1), bits.take(5)
        if has_timing or has_delay or num_further_points:
            raise FullDecodeRequired("the stream has a timing model or several layers")
        _idc, level = bits.take(12), bits.take(5)
        _tier = bits.take(1) if level > 7 else 0
        width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
        bits.take(width_bits + height_bits)
        if bits.take(1):
            raise FullDecodeRequired("the frames are numbered")
        _intra_tools, _inter_tools = bits.take(3), bits.take(4)
        has_order = bits.take(1)
        bits.take(2 if has_order else 0)
        screen_content_tools = SELECT if bits.take(1) else bits.take(1)
        integer_motion = SELECT
        if screen_content_tools:
            integer_motion = SELECT if bits.take(1) else bits.take(1)
        return cls(screen_content_tools, integer_motion, bits.take(3) + 1 if has_order else 0)


class _Av1Frame(NamedTuple):
    is_shown_key: bool
    is_reference: bool


class _Av1Reader:
    """A temporal unit shows one frame. Decoding starts where its first frame is a shown key frame after a sequence."""

    def __init__(self) -> None:
        self._sequence: _Av1Sequence | None = None

    def __call__(self, data: memoryview) -> Picture:
        frames = []
        brings_sequence = False
        for kind, payload in _open_bitstream_units(data):
            if kind == AV1_SEQUENCE:
                self._set_sequence(_Av1Sequence.read(_Bits(payload)))
                brings_sequence = True
            elif kind in {AV1_FRAME_HEADER, AV1_FRAME}:
                frames.append(self._read_frame(_Bits(payload)))
        if not frames:
            raise FullDecodeRequired("a packet does not hold exactly one picture")
        is_start = brings_sequence and frames[0].is_shown_key
        return Picture(is_start, is_reference=any(frame.is_reference for frame in frames))

    def _set_sequence(self, sequence: _Av1Sequence) -> None:
        if self._sequence not in {None, sequence}:
            raise FullDecodeRequired("the stream's parameters change")
        self._sequence = sequence

    def _read_frame(self, bits: _Bits) -> _Av1Frame:
        """The header up to the slots in which the frame is kept for others (AV1 specification, 5.9.2)."""
        if self._sequence is None:
            raise FullDecodeRequired("the stream's parameters are missing")
        if bits.take(1):
            return _Av1Frame(is_shown_key=False, is_reference=True)
        kind, is_shown = bits.take(2), bits.take(1)
        if not is_shown:
            bits.take(1)
        if kind == AV1_SWITCH or (kind == AV1_KEY and is_shown):
            return _Av1Frame(kind == AV1_KEY, is_reference=True)
        is_resilient, _has_fixed_contexts = bits.take(1), bits.take(1)
        tools, motion, order_hint_bits = self._sequence
        if tools == SELECT:
            tools = bits.take(1)
        if tools and motion == SELECT:
            bits.take(1)
        bits.take(1 + order_hint_bits)
        if not (kind in {AV1_KEY, AV1_INTRA_ONLY} or is_resilient):
            bits.take(3)
        return _Av1Frame(is_shown_key=False, is_reference=bits.take(8) != 0)


def _open_bitstream_units(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    at = 0
    while at < len(data):
        header = data[at]
        at += 2 if header & 4 else 1
        size = len(data) - at
        if header & 2:
            size, at = _leb128(data, at)
        yield header >> 3 & 15, data[at : at + size]
        at += size


def _leb128(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 56, 7):
        byte = data[at] if at < len(data) else 0
        value |= (byte & 0x7F) << shift
        at += 1
        if not byte & 0x80:
            break
    return value, at

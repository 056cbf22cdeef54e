"""H.264 and HEVC packet headers: network abstraction layer (NAL) units and their types.

Tables 7-1 of ITU-T H.264 and ITU-T H.265 list the unit types. A packet holds the units of one access unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from clips.decoding.picture import FullDecodeRequired, Picture

START_CODE = b"\0\0\1"

MAX_CACHED_HEADERS = 256
"""A real stream has some ten different headers; a hostile one may have 65,536."""


class NalSyntax(NamedTuple):
    """One codec's NAL unit header: its size and the meaning of its types."""

    num_header_bytes: int
    length_size_at: int
    """Position in the extradata (avcC, hvcC) of the byte whose low two bits are the size of the lengths, minus 1."""
    is_parameters: Callable[[bytes], bool]
    """Return True if the unit with this header holds parameter sets, which stay in force for later packets."""
    picture_of: Callable[[bytes], Picture | None]
    """Return the picture that the unit with this header is a slice of, or None for another kind of unit."""


def _is_h264_parameters(header: bytes) -> bool:
    return header[0] & 31 in {7, 8, 13}


@lru_cache(MAX_CACHED_HEADERS)
def _h264_picture(header: bytes) -> Picture | None:
    # only IDR pictures (type 5) are starts: other intra pictures may be followed by some that need earlier ones
    kind = header[0] & 31
    if kind in {2, 3, 4}:
        raise FullDecodeRequired("slices come in partitions")
    if kind in {14, 15, 20, 21}:
        raise FullDecodeRequired("the stream has further layers or views")
    return Picture(kind == 5, bool(header[0] & 0x60)) if kind in {1, 5} else None


def _is_hevc_parameters(header: bytes) -> bool:
    return header[0] >> 1 & 63 in {32, 33, 34}


@lru_cache(MAX_CACHED_HEADERS)
def _hevc_picture(header: bytes) -> Picture | None:
    # even types below 16 are needed by no picture of their layer; types 8 and 9 need what lies before a start
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


H264 = NalSyntax(1, 4, _is_h264_parameters, _h264_picture)
HEVC = NalSyntax(2, 21, _is_hevc_parameters, _hevc_picture)


class NalReader:
    """Packet reader for H.264 and HEVC, with units split by start codes or prefixed by their lengths."""

    def __init__(self, extradata: bytes, syntax: NalSyntax) -> None:
        """Make a reader for one stream; `extradata` that is a configuration record (avcC, hvcC) means lengths."""
        at = syntax.length_size_at
        has_lengths = extradata[:1] == b"\1" and len(extradata) > at
        self._length_size = (extradata[at] & 3) + 1 if has_lengths else 0
        self._syntax = syntax
        self._parameters: set[bytes] = set()
        self._extradata = extradata
        self._is_first_packet = True

    def __call__(self, data: memoryview) -> Picture:
        """Return the packet's picture; FullDecodeRequired unless the packet holds exactly one."""
        slices = []
        num_first_slices = 0
        size, _, is_parameters, picture_of = self._syntax
        for unit in self._units(data):
            if len(unit) > size:
                header = bytes(unit[:size])
                if picture := picture_of(header):
                    slices.append(picture)
                    num_first_slices += unit[size] >> 7
                elif is_parameters(header):
                    self._check_parameters(bytes(unit))
        self._is_first_packet = False
        if num_first_slices != 1:
            raise FullDecodeRequired("a packet does not hold exactly one picture")
        return slices[0] if len(slices) == 1 else _merge_slices(slices)

    def _units(self, data: memoryview) -> Iterable[memoryview | bytes]:
        return _split_by_length(data, self._length_size) if self._length_size else bytes(data).split(START_CODE)[1:]

    def _check_parameters(self, unit: bytes) -> None:
        # parameters stay in force for later packets, so packets that are left out must not bring new ones
        unit = unit.rstrip(b"\0")
        if self._is_first_packet:
            self._parameters.add(unit)
        elif unit not in self._parameters and (self._parameters or unit not in self._extradata):
            raise FullDecodeRequired("the stream's parameters change")


def _split_by_length(data: memoryview, size: int) -> Iterator[memoryview]:
    at = 0
    while at + size < len(data):
        end = at + size + int.from_bytes(data[at : at + size])
        if end > len(data):
            raise FullDecodeRequired("a packet is cut short")
        yield data[at + size : end]
        at = end


def _merge_slices(slices: Sequence[Picture]) -> Picture:
    if any((one.is_start, one.layer) != (slices[0].is_start, slices[0].layer) for one in slices):
        raise FullDecodeRequired("the slices of a picture differ in kind")
    # a slice may be marked as no reference while others of its picture are references
    return next((one for one in slices if one.is_reference), slices[0])

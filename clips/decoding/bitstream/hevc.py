"""HEVC: NAL unit types (ITU-T H.265, table 7-1), parameter sets (7.3.2) and slice segment headers (7.3.6)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from clips.decoding.bitstream.bit_reader import BitReader
from clips.decoding.bitstream.nal_units import Unit
from clips.decoding.bitstream.order_count import OrderCounter, SliceLayout
from clips.decoding.picture import FullDecodeRequired, Picture

FIRST_REFERENCE_ONLY = 16
"""Types of slices from this one on are always references; lower ones are if they are odd."""
RANDOM_ACCESS = range(16, 24)
IDR, CRA = frozenset({19, 20}), 21
LEADING = range(6, 10)
SKIPPED_LEADING = frozenset({8, 9})
"""Leading pictures that need what lies before the start they follow."""
VPS, SPS, PPS = 32, 33, 34
FORMAT_444 = 3

MAX_CACHED_HEADERS = 256
"""A real stream has some ten different headers; a hostile one may have 65,536."""


class SequenceParameters(NamedTuple):
    """The fields of a sequence parameter set that the layout of slice headers depends on."""

    has_separate_planes: bool
    order_bits: int

    @classmethod
    def read(cls, bits: BitReader) -> tuple[int, SequenceParameters]:
        """Read a set and return it after its identifier."""
        _vps, num_sub_layers, _nesting = bits.read(4), bits.read(3), bits.read(1)
        _skip_profile(bits, num_sub_layers)
        identifier, chroma_format = bits.read_golomb(), bits.read_golomb()
        has_separate_planes = chroma_format == FORMAT_444 and bits.read(1) == 1
        _width, _height = bits.read_golomb(), bits.read_golomb()
        for _ in range(4 * bits.read(1)):  # the conformance window
            bits.read_golomb()
        _depth_luma, _depth_chroma = bits.read_golomb(), bits.read_golomb()
        return identifier, cls(has_separate_planes, bits.read_golomb() + 4)


def _skip_profile(bits: BitReader, num_sub_layers: int) -> None:
    """Skip `profile_tier_level` (7.3.3)."""
    bits.read(96)
    presence = [(bits.read(1), bits.read(1)) for _ in range(8 if num_sub_layers else 0)][:num_sub_layers]
    bits.read(sum(88 * has_profile + 8 * has_level for has_profile, has_level in presence))


class PictureParameters(NamedTuple):
    """The fields of a picture parameter set that the layout of slice headers depends on."""

    sequence: int
    may_hide: bool
    """Slices say whether their picture is shown."""
    num_extra_bits: int

    @classmethod
    def read(cls, bits: BitReader) -> tuple[int, PictureParameters]:
        """Read a set and return it after its identifier."""
        identifier, sequence, _dependent = bits.read_golomb(), bits.read_golomb(), bits.read(1)
        return identifier, cls(sequence, bool(bits.read(1)), bits.read(3))


@lru_cache(MAX_CACHED_HEADERS)
def _picture_of(header: bytes) -> Picture | None:
    # even types below 16 are needed by no picture of their layer
    kind = header[0] >> 1 & 63
    if kind in {36, 37}:
        raise FullDecodeRequired("the stream ends in the middle")
    if header[0] & 1 or header[1] >> 3:
        raise FullDecodeRequired("the stream has further layers or views")
    if kind >= VPS:
        return None
    if kind in {16, 17, 18}:
        raise FullDecodeRequired("the stream was spliced")
    is_reference = kind >= FIRST_REFERENCE_ONLY or bool(kind & 1)
    is_leading = kind in SKIPPED_LEADING
    return Picture(kind == CRA or kind in IDR, is_reference, layer=(header[1] & 7) - 1, is_leading=is_leading)


class HevcSyntax:
    """`NalSyntax` of HEVC."""

    num_header_bytes = 2
    length_size_at = 21

    def __init__(self) -> None:
        self._sequences: dict[int, SequenceParameters] = {}
        self._pictures: dict[int, PictureParameters] = {}
        self.counter = OrderCounter()
        self._layouts = {name: SliceLayout() for name in ("IDR", "start", "other")}

    def configured_units(self, configuration: bytes) -> Iterator[bytes]:
        """Yield the units of an hvcC record (ISO/IEC 14496-15, 8.3.3.1)."""
        at = 23
        for _ in range(configuration[22] if len(configuration) > 22 else 0):
            num_units = int.from_bytes(configuration[at + 1 : at + 3])
            at += 3
            for _ in range(num_units):
                begin = at + 2
                at = begin + int.from_bytes(configuration[at:begin])
                yield configuration[begin:at]

    def is_parameters(self, header: bytes) -> bool:
        """Return True for video, sequence and picture parameter sets."""
        return bool(header) and header[0] >> 1 & 63 in {VPS, SPS, PPS}

    def add_parameters(self, unit: bytes) -> None:
        """Remember a sequence or picture parameter set."""
        bits = BitReader.of_parameters(unit[2:])
        kind = unit[0] >> 1 & 63
        if kind == SPS:
            identifier, sequence = SequenceParameters.read(bits)
            self._sequences[identifier] = sequence
        elif kind == PPS:
            identifier, picture = PictureParameters.read(bits)
            self._pictures[identifier] = picture

    def picture_of(self, header: bytes) -> Picture | None:
        """Return the picture of a slice; raise FullDecodeRequired for layers, views, splices and an end."""
        return _picture_of(header)

    def begins_sequence(self, header: bytes) -> bool:
        """Return True for a slice of an IDR picture."""
        return header[0] >> 1 & 63 in IDR

    def is_anchor(self, header: bytes, picture: Picture) -> bool:
        """Return True for a picture of the lowest layer that others may need, unless it is a leading one."""
        return picture.layer == 0 and picture.is_reference and header[0] >> 1 & 63 not in LEADING

    def layout_of(self, header: Unit) -> SliceLayout:
        """Return the layout of a slice: pictures at which decoding can start have one more field, and may lack one."""
        kind = header[0] >> 1 & 63
        return self._layouts["IDR" if kind in IDR else "start" if kind in RANDOM_ACCESS else "other"]

    def low_bits_of(self, first_slice: Unit, picture: Picture) -> int:
        """Return the order count's low bits; raise FullDecodeRequired for hidden frames and unknown parameters."""
        kind = first_slice[0] >> 1 & 63
        header = bytes(first_slice[2 : 2 + SliceLayout.NUM_BYTES])
        low_bits = self.layout_of(first_slice[:1]).low_bits(header)
        return self._read_low_bits(first_slice, header, kind) if low_bits is None else low_bits

    def _read_low_bits(self, first_slice: Unit, header: bytes, kind: int) -> int:
        bits = BitReader.unescaped(first_slice[2:])
        bits.read(2 if kind in RANDOM_ACCESS else 1)
        parameters = self._pictures.get(bits.read_golomb())
        sequence = self._sequences.get(parameters.sequence) if parameters else None
        if parameters is None or sequence is None:
            raise FullDecodeRequired("the stream's parameters are missing")
        bits.read(parameters.num_extra_bits)
        _slice_type = bits.read_golomb()
        num_code_bits = bits.num_read
        if parameters.may_hide and not bits.read(1):
            raise FullDecodeRequired("the stream hides some of its frames")
        bits.read(2 * sequence.has_separate_planes)
        self.counter.expect(sequence.order_bits)
        num_bits = 0 if kind in IDR else sequence.order_bits
        low_bits = bits.read(num_bits)
        if not parameters.may_hide:
            self.layout_of(first_slice[:1]).learn(header, bits, num_code_bits, num_bits)
        return low_bits

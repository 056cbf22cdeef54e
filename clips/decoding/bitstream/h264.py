"""H.264: NAL unit types (ITU-T H.264, table 7-1), parameter sets (7.3.2) and slice headers (7.3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from clips.decoding.bitstream.bit_reader import BitReader
from clips.decoding.bitstream.nal_units import Unit
from clips.decoding.bitstream.order_count import OrderCounter, SliceLayout
from clips.decoding.picture import FullDecodeRequired, Picture

IDR, SPS, PPS = 5, 7, 8
"""Types of NAL units."""
HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
"""Profiles whose sequence parameter sets tell the chroma format."""
FORMAT_444 = 3

MAX_CACHED_HEADERS = 256


class SequenceParameters(NamedTuple):
    """The fields of a sequence parameter set that the layout of slice headers depends on."""

    has_separate_planes: bool
    frame_num_bits: int
    order_bits: int
    """Low bits of the order count in each slice; 0 for a stream that is shown as it is decoded."""
    has_fields: bool

    @classmethod
    def read(cls, bits: BitReader, profile: int) -> SequenceParameters:
        """Read what follows the identifier of the set."""
        has_separate_planes = profile in HIGH_PROFILES and _read_chroma_format(bits)
        frame_num_bits = bits.read_golomb() + 4
        order_type = bits.read_golomb()  # 0 by low bits in each slice, 1 by a rule, 2 as decoded
        if order_type not in {0, 2}:
            raise FullDecodeRequired("the stream tells the order of its pictures by a rare rule")
        order_bits = bits.read_golomb() + 4 if order_type == 0 else 0
        _num_references, _allows_gaps = bits.read_golomb(), bits.read(1)
        _width, _height = bits.read_golomb(), bits.read_golomb()
        return cls(has_separate_planes, frame_num_bits, order_bits, has_fields=not bits.read(1))


def _read_chroma_format(bits: BitReader) -> bool:
    """Read the chroma format, bit depths and scaling lists; return True where colour planes are coded apart."""
    chroma_format = bits.read_golomb()
    has_separate_planes = chroma_format == FORMAT_444 and bits.read(1) == 1
    _depth_luma, _depth_chroma, _bypass = bits.read_golomb(), bits.read_golomb(), bits.read(1)
    if bits.read(1):
        for i in range(12 if chroma_format == FORMAT_444 else 8):
            if bits.read(1):
                _skip_scaling_list(bits, 16 if i < 6 else 64)
    return has_separate_planes


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = 8
    for _ in range(size):
        last = (last + bits.read_signed_golomb()) % 256
        if last == 0:
            return


@lru_cache(MAX_CACHED_HEADERS)
def _picture_of(header: bytes) -> Picture | None:
    # only IDR pictures are starts: other intra pictures may be followed by some that need earlier ones
    kind = header[0] & 31
    if kind in {2, 3, 4}:
        raise FullDecodeRequired("slices come in partitions")
    if kind in {14, 15, 20, 21}:
        raise FullDecodeRequired("the stream has further layers or views")
    return Picture(kind == IDR, bool(header[0] & 0x60)) if kind in {1, IDR} else None


class H264Syntax:
    """`NalSyntax` of H.264."""

    num_header_bytes = 1
    length_size_at = 4

    def __init__(self) -> None:
        self._sequences: dict[int, SequenceParameters] = {}
        self._sequence_of_picture: dict[int, int] = {}
        self.counter = OrderCounter()
        self._layout = SliceLayout()
        self._idr_layout = SliceLayout()

    def configured_units(self, configuration: bytes) -> Iterator[bytes]:
        """Yield the parameter sets of an avcC record (ISO/IEC 14496-15, 5.3.3.1)."""
        at = 5
        for count_mask in (31, 255):
            num_units = configuration[at] & count_mask if at < len(configuration) else 0
            at += 1
            for _ in range(num_units):
                begin = at + 2
                at = begin + int.from_bytes(configuration[at:begin])
                yield configuration[begin:at]

    def is_parameters(self, header: bytes) -> bool:
        """Return True for sequence parameter sets, their extensions, and picture parameter sets."""
        return bool(header) and header[0] & 31 in {SPS, PPS, 13}

    def add_parameters(self, unit: bytes) -> None:
        """Remember a sequence or picture parameter set."""
        bits = BitReader.of_parameters(unit[1:])
        kind = unit[0] & 31
        if kind == SPS:
            profile, _constraints, _level = bits.read(8), bits.read(8), bits.read(8)
            identifier = bits.read_golomb()
            self._sequences[identifier] = SequenceParameters.read(bits, profile)
        elif kind == PPS:
            identifier = bits.read_golomb()
            self._sequence_of_picture[identifier] = bits.read_golomb()

    def picture_of(self, header: bytes) -> Picture | None:
        """Return the picture of a slice; raise FullDecodeRequired for partitions, layers and views."""
        return _picture_of(header)

    def begins_sequence(self, header: bytes) -> bool:
        """Return True for a slice of an IDR picture."""
        return header[0] & 31 == IDR

    def is_anchor(self, header: bytes, picture: Picture) -> bool:
        """Return True for any picture that others may need."""
        return picture.is_reference

    def layout_of(self, header: Unit) -> SliceLayout:
        """Return the layout of a slice: IDR pictures have an identifier before their order count."""
        return self._idr_layout if header[0] & 31 == IDR else self._layout

    def low_bits_of(self, first_slice: Unit, picture: Picture) -> int:
        """Return the order count's low bits; raise FullDecodeRequired for fields and unknown parameters."""
        header = bytes(first_slice[1 : 1 + SliceLayout.NUM_BYTES])
        low_bits = self.layout_of(first_slice[:1]).low_bits(header)
        return self._read_low_bits(first_slice, header, picture) if low_bits is None else low_bits

    def _read_low_bits(self, first_slice: Unit, header: bytes, picture: Picture) -> int:
        bits = BitReader.unescaped(first_slice[1:])
        _first_macroblock, _slice_type, parameters = bits.read_golomb(), bits.read_golomb(), bits.read_golomb()
        num_code_bits = bits.num_read
        sequence = self._sequences.get(self._sequence_of_picture.get(parameters, -1))
        if sequence is None:
            raise FullDecodeRequired("the stream's parameters are missing")
        bits.read(2 * sequence.has_separate_planes + sequence.frame_num_bits)
        if sequence.has_fields and bits.read(1):
            raise FullDecodeRequired("frames are interlaced")
        if picture.is_start:
            bits.read_golomb()  # idr_pic_id
            num_code_bits = bits.num_read
        self.counter.expect(sequence.order_bits)
        low_bits = bits.read(sequence.order_bits)
        if not sequence.has_fields:
            self.layout_of(first_slice[:1]).learn(header, bits, num_code_bits, sequence.order_bits)
        return low_bits

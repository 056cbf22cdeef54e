"""Network abstraction layer (NAL) units, of which the packets of H.264 and HEVC consist.

A packet holds the units of one access unit: the slices of a picture, and parameter sets that slices refer to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from clips.decoding.bitstream.order_count import OrderCounter, SliceLayout
from clips.decoding.picture import FullDecodeRequired, Picture

START_CODE = b"\0\0\1"

Unit = bytes | memoryview
"""A NAL unit: its header and what follows, without start code or length."""


class NalSyntax(Protocol):
    """One codec's NAL units. It remembers a stream's parameter sets; `counter` has its pictures' order counts."""

    counter: OrderCounter
    num_header_bytes: int
    length_size_at: int
    """Position in the configuration record (avcC, hvcC) of the byte whose low two bits are the size of lengths - 1."""

    def configured_units(self, configuration: bytes) -> Iterable[bytes]:
        """Return the units in a configuration record."""

    def is_parameters(self, header: bytes) -> bool:
        """Return True for a unit that holds parameter sets, which stay in force for later packets."""

    def add_parameters(self, unit: bytes) -> None:
        """Read a unit that holds parameter sets."""

    def picture_of(self, header: bytes) -> Picture | None:
        """Return the picture that a unit with this header is a slice of, without its order, or None for no slice."""

    def begins_sequence(self, header: bytes) -> bool:
        """Return True for a slice of a picture at which order counts begin anew."""

    def is_anchor(self, header: bytes, picture: Picture) -> bool:
        """Return True for a picture that the next ones count from."""

    def layout_of(self, header: Unit) -> SliceLayout:
        """Return the layout of a slice with this header."""

    def low_bits_of(self, first_slice: Unit, picture: Picture) -> int:
        """Return the order count's low bits, from the first slice of a picture."""


class CodedPicture(NamedTuple):
    """The picture in a packet, with what its place in display order follows from."""

    picture: Picture
    begins_sequence: bool
    is_anchor: bool
    low_bits: int


class NalReader:
    """Packet reader for H.264 and HEVC, with units split by start codes or prefixed by their lengths."""

    def __init__(self, extradata: bytes, syntax: NalSyntax) -> None:
        """Make a reader for one stream; `extradata` that is a configuration record (avcC, hvcC) means lengths."""
        at = syntax.length_size_at
        is_record = extradata[:1] == b"\1" and len(extradata) > at
        self.length_size = (extradata[at] & 3) + 1 if is_record else 0
        """Bytes of a unit's length, or 0 where start codes split the units."""
        self.syntax = syntax
        self._parameters: set[bytes] = set()
        self._extradata = extradata
        self._is_first_packet = True
        units = syntax.configured_units(extradata) if is_record else extradata.split(START_CODE)[1:]
        for unit in units:
            if syntax.is_parameters(unit[: syntax.num_header_bytes]):
                syntax.add_parameters(unit)

    def __call__(self, data: memoryview) -> Picture:
        """Return the packet's picture; FullDecodeRequired unless the packet holds exactly one."""
        picture, begins_sequence, is_anchor, low_bits = self.read(data)
        counter = self.syntax.counter
        if begins_sequence:
            counter.begin_sequence()
        return Picture(*picture[:-1], counter.order(low_bits, is_anchor))  # faster than `_replace`

    def read(self, data: memoryview) -> CodedPicture:
        """Return the packet's picture without its place; FullDecodeRequired unless the packet holds exactly one."""
        syntax = self.syntax
        size = syntax.num_header_bytes
        slices: list[Picture] = []
        first_slices: list[tuple[bytes, Unit]] = []
        for unit in self._units(data):
            if len(unit) > size:
                header = bytes(unit[:size])
                if picture := syntax.picture_of(header):
                    slices.append(picture)
                    if unit[size] & 0x80:
                        first_slices.append((header, unit))
                elif syntax.is_parameters(header):
                    self._check_parameters(bytes(unit))
        self._is_first_packet = False
        if len(first_slices) != 1:
            raise FullDecodeRequired("a packet does not hold exactly one picture")
        picture = slices[0] if len(slices) == 1 else _merge_slices(slices)
        ((header, first),) = first_slices
        low_bits = syntax.low_bits_of(first, picture)
        return CodedPicture(picture, syntax.begins_sequence(header), syntax.is_anchor(header, picture), low_bits)

    def _units(self, data: memoryview) -> Iterable[Unit]:
        return _split_by_length(data, self.length_size) if self.length_size else bytes(data).split(START_CODE)[1:]

    def _check_parameters(self, unit: bytes) -> None:
        # parameters stay in force for later packets, so packets that are left out must not bring new ones
        unit = unit.rstrip(b"\0")
        if self._is_first_packet:
            self._parameters.add(unit)
            self.syntax.add_parameters(unit)
        elif unit not in self._parameters and (self._parameters or unit not in self._extradata):
            raise FullDecodeRequired("the stream's parameters change")


def _split_by_length(data: memoryview, size: int) -> Iterator[memoryview]:
    """Yield the units. FFmpeg shows no frame of a packet whose lengths do not fill it exactly, such as one padded."""
    at = 0
    while at < len(data):
        begin = at + size
        at = begin + int.from_bytes(data[at:begin])
        if not begin < at <= len(data):
            raise FullDecodeRequired("a packet is cut short or padded")
        yield data[begin:at]


def _merge_slices(slices: Sequence[Picture]) -> Picture:
    if all(one == slices[0] for one in slices):
        return slices[0]
    if any((one.is_start, one.layer) != (slices[0].is_start, slices[0].layer) for one in slices):
        raise FullDecodeRequired("the slices of a picture differ in kind")
    # a slice may be marked as no reference while others of its picture are references
    return next((one for one in slices if one.is_reference), slices[0])

"""AV1 packet headers: open bitstream units, sequence headers and frame headers.

Section numbers are those of the AV1 Bitstream & Decoding Process Specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from clips.decoding.bitstream.bit_reader import BitReader
from clips.decoding.picture import FullDecodeRequired, Picture

OBU_SEQUENCE_HEADER, OBU_FRAME_HEADER, OBU_FRAME = 1, 3, 6
"""Types of open bitstream units (6.2.2)."""
KEY_FRAME, INTRA_ONLY_FRAME, SWITCH_FRAME = 0, 2, 3
"""Types of frames (6.8.2)."""
SELECT = 2
"""Value of a sequence-wide choice that leaves it to each frame header."""


class SequenceHeader(NamedTuple):
    """The fields of a sequence header that the layout of frame headers depends on (5.5)."""

    screen_content_tools: int
    integer_motion: int
    order_hint_bits: int

    @classmethod
    def read(cls, bits: BitReader) -> SequenceHeader:
        """Read a header; FullDecodeRequired for still pictures, timing models, layers and numbered frames."""
        _profile, is_still, is_reduced, has_timing = bits.read(3), bits.read(1), bits.read(1), bits.read(1)
        if is_still or is_reduced:
            raise FullDecodeRequired("the stream is of still pictures")
        has_delay, num_further_points = bits.read(1), bits.read(5)
        if has_timing or has_delay or num_further_points:
            raise FullDecodeRequired("the stream has a timing model or several layers")
        _idc, level = bits.read(12), bits.read(5)
        _tier = bits.read(1) if level > 7 else 0
        width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
        bits.read(width_bits + height_bits)
        if bits.read(1):
            raise FullDecodeRequired("the frames are numbered")
        _intra_tools, _inter_tools = bits.read(3), bits.read(4)
        has_order = bits.read(1)
        bits.read(2 if has_order else 0)
        screen_content_tools = SELECT if bits.read(1) else bits.read(1)
        integer_motion = SELECT
        if screen_content_tools:
            integer_motion = SELECT if bits.read(1) else bits.read(1)
        return cls(screen_content_tools, integer_motion, bits.read(3) + 1 if has_order else 0)


class FrameHeader(NamedTuple):
    """The fields of a frame header that decide whether its frame may be left out."""

    is_shown_key: bool
    is_reference: bool

    @classmethod
    def read(cls, bits: BitReader, sequence: SequenceHeader) -> FrameHeader:
        """Read a header as far as refresh_frame_flags, the slots that keep the frame for others (5.9.2)."""
        shows_existing_frame = bits.read(1)
        if shows_existing_frame:
            return cls(is_shown_key=False, is_reference=True)
        kind, is_shown = bits.read(2), bits.read(1)
        if not is_shown:
            bits.read(1)
        if kind == SWITCH_FRAME or (kind == KEY_FRAME and is_shown):
            return cls(kind == KEY_FRAME, is_reference=True)
        is_resilient, _has_fixed_contexts = bits.read(1), bits.read(1)
        tools, motion, order_hint_bits = sequence
        if tools == SELECT:
            tools = bits.read(1)
        if tools and motion == SELECT:
            bits.read(1)
        bits.read(1 + order_hint_bits)
        if not (kind in {KEY_FRAME, INTRA_ONLY_FRAME} or is_resilient):
            bits.read(3)
        return cls(is_shown_key=False, is_reference=bits.read(8) != 0)


class Av1Reader:
    """Packet reader for AV1, whose packets are temporal units that show one frame each.

    A unit is a start if it brings a sequence header and its first frame is a key frame that is shown.
    """

    def __init__(self) -> None:
        self._sequence: SequenceHeader | None = None

    def __call__(self, data: memoryview) -> Picture:
        """Return the picture that the packet shows; FullDecodeRequired for none, or for a second sequence header."""
        frames = []
        brings_sequence = False
        for kind, payload in _split_units(data):
            if kind == OBU_SEQUENCE_HEADER:
                self._set_sequence(SequenceHeader.read(BitReader(payload)))
                brings_sequence = True
            elif kind in {OBU_FRAME_HEADER, OBU_FRAME}:
                frames.append(self._read_frame(payload))
        if not frames:
            raise FullDecodeRequired("a packet does not hold exactly one picture")
        is_start = brings_sequence and frames[0].is_shown_key
        return Picture(is_start, is_reference=any(frame.is_reference for frame in frames))

    def _set_sequence(self, sequence: SequenceHeader) -> None:
        if self._sequence not in {None, sequence}:
            raise FullDecodeRequired("the stream's parameters change")
        self._sequence = sequence

    def _read_frame(self, payload: memoryview) -> FrameHeader:
        if self._sequence is None:
            raise FullDecodeRequired("the stream's parameters are missing")
        return FrameHeader.read(BitReader(payload), self._sequence)


def _split_units(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield type and payload of each open bitstream unit (5.3)."""
    at = 0
    while at < len(data):
        header = data[at]
        at += 2 if header & 4 else 1
        size = len(data) - at
        if header & 2:
            size, at = _read_leb128(data, at)
        yield header >> 3 & 15, data[at : at + size]
        at += size


def _read_leb128(data: memoryview, at: int) -> tuple[int, int]:
    """Read a little-endian base-128 number (4.10.5); return it and the position behind it."""
    value = 0
    for shift in range(0, 56, 7):
        byte = data[at] if at < len(data) else 0
        value |= (byte & 0x7F) << shift
        at += 1
        if not byte & 0x80:
            break
    return value, at

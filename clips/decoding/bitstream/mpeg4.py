"""MPEG-4 Part 2 packet headers: video object planes (VOPs) and their coding types."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clips.decoding.bitstream.batches import PacketBatch
from clips.decoding.picture import FullDecodeRequired, Picture, Pictures

VOP = b"\0\0\1\xb6"
GROUP_OF_VOPS = b"\0\0\1\xb3"
MAX_EMPTY_VOP_BYTES = 19
I_VOP, P_VOP, B_VOP = 0, 1, 2
"""Coding types; 3 is S."""

DIVX = b"DivX"
"""Encoder's name in the headers of streams that may pack two pictures into one packet."""

MAX_HEADERS_BYTES = 256

GROUP_SPAN = 1 << 32
"""Above any number of B-VOPs between two others."""


class Mpeg4Reader:
    """Packet reader for MPEG-4 Part 2: I-VOPs are starts, and B-VOPs are needed by no other picture."""

    def __init__(self, extradata: bytes) -> None:
        """Make a reader for one stream; `extradata` holds its parameters unless its packets do."""
        self._extradata = extradata
        self._parameters: bytes | None = None
        self.may_be_packed = DIVX in extradata
        self._group = 0
        self._num_b = 0

    def __call__(self, data: memoryview) -> Picture:
        """Return the packet's picture; FullDecodeRequired for none, several, or one that may be empty."""
        packet = bytes(data[:MAX_HEADERS_BYTES])
        if VOP not in packet:
            packet = bytes(data)
        headers, vop, body = packet.partition(VOP)
        self.may_be_packed |= DIVX in headers
        if not vop or (self.may_be_packed and VOP in bytes(data)[len(headers) + len(VOP) :]):
            raise FullDecodeRequired("a packet does not hold exactly one picture")
        if len(data) - len(headers) <= MAX_EMPTY_VOP_BYTES:
            raise FullDecodeRequired("a packet may hold an empty picture")
        coding_type = body[0] >> 6
        self._check_parameters(headers.partition(GROUP_OF_VOPS)[0], is_start=coding_type == I_VOP)
        is_reference = coding_type != B_VOP
        return Picture(coding_type == I_VOP, is_reference, order=self._order(is_reference))

    def _order(self, is_reference: bool) -> int:
        # a B-VOP is shown at once, any other when the next other one is decoded
        if not is_reference:
            self._num_b += 1
            return self._group * GROUP_SPAN + self._num_b
        self._group, self._num_b = self._group + 1, 0
        return (self._group + 1) * GROUP_SPAN - 1

    def _check_parameters(self, parameters: bytes, *, is_start: bool) -> None:
        # Decoding may start at any I-VOP only if each brings the same parameters (the encoder's name is one of them),
        # or the container holds them for all.
        if self._parameters is None:
            self._parameters = parameters
        is_known = parameters == self._parameters or (not parameters and self._parameters in self._extradata)
        if not is_known and (parameters or is_start):
            raise FullDecodeRequired("the stream's parameters change")


class Mpeg4Batches:
    """Batch reader of MPEG-4 Part 2: most packets are one P- or B-VOP without headers."""

    def __init__(self, extradata: bytes) -> None:
        """Make a reader for one stream; `extradata` holds its parameters unless its packets do."""
        self.read = self._reader = Mpeg4Reader(extradata)
        self._types: list[NDArray[np.int64]] = []

    def add(self, batch: PacketBatch) -> None:
        """Read the next packets; raise FullDecodeRequired where `Mpeg4Reader` does."""
        heads = batch.heads(len(VOP) + 1)
        types = heads[:, -1].astype(np.int64) >> 6
        is_plain = (heads[:, :-1] == np.frombuffer(VOP, np.uint8)).all(axis=1) & (types != I_VOP)
        is_plain &= batch.ends - batch.begins > MAX_EMPTY_VOP_BYTES
        is_plain[0] &= bool(self._types)  # the first packet may bring parameters
        self._read_each(~is_plain, types, batch)
        if self._reader.may_be_packed:
            self._read_each(is_plain, types, batch)
        self._types.append(types)

    def _read_each(self, chosen: NDArray[np.bool_], types: NDArray[np.int64], batch: PacketBatch) -> None:
        for number in chosen.nonzero()[0].tolist():
            types[number] = self._type_of(self._reader(batch.packet(number)))

    def _type_of(self, picture: Picture) -> int:
        return I_VOP if picture.is_start else P_VOP if picture.is_reference else B_VOP

    def pictures(self) -> Pictures:
        """Return the pictures of all packets."""
        types = np.concatenate(self._types)
        places = np.arange(len(types))
        is_reference = types != B_VOP
        group = np.cumsum(is_reference)
        last_reference = np.maximum.accumulate(np.where(is_reference, places, -1))
        order = np.where(is_reference, (group + 1) * GROUP_SPAN - 1, group * GROUP_SPAN + places - last_reference)
        return Pictures.all_starts(len(types))._replace(is_start=types == I_VOP, is_reference=is_reference, order=order)

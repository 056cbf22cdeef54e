"""Picture: the facts from a packet's header that decide which packets must be decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class FullDecodeRequired(Exception):
    """Leaving out packets might change the frames, so every packet must be decoded; the message says why."""


class WrongTimes(FullDecodeRequired):
    """The packets' times cannot be those of the frames that they hold."""


class Picture(NamedTuple):
    """The compressed picture of one packet. A picture needs none of a higher `layer` than its own."""

    is_start: bool
    """Decoding may start here: no picture that is shown later needs an earlier one."""
    is_reference: bool = True
    """Other pictures of its layer may need it."""
    layer: int = 0
    """Temporal layer, counted from 0."""
    is_shown: bool = True
    is_leading: bool = False
    """Follows a start but needs pictures before it, and is lost when decoding begins at that start."""
    order: int | None = None
    """Place in display order, as the bitstream has it; pictures with a lower one are shown before. None: as decoded."""


PacketReader = Callable[[memoryview], Picture]
"""Reads one packet's header. Called once for each packet in decode order; keeps no part of the packet.

Raises FullDecodeRequired for a header so unusual that leaving out pictures might change the others.
"""


class Pictures(NamedTuple):
    """The pictures of all packets of a stream, in decode order: the fields of `Picture`, each an array [N]."""

    is_start: NDArray[np.bool_]
    is_reference: NDArray[np.bool_]
    layer: NDArray[np.int64]
    is_shown: NDArray[np.bool_]
    is_leading: NDArray[np.bool_]
    order: NDArray[np.int64]
    """Places in display order; those in decode order for a stream without any of its own."""

    @classmethod
    def of(cls, pictures: Sequence[Picture]) -> Pictures:
        """Make the arrays from a stream's pictures, of which all have an order or none has."""
        if not pictures:
            return cls.all_starts(0)
        starts, references, layers, shown, leading, order = (np.array(field) for field in zip(*pictures, strict=True))
        order = np.arange(len(pictures)) if order.dtype == object else order
        return cls(starts, references, layers, shown, leading, order)

    @classmethod
    def all_starts(cls, count: int) -> Pictures:
        """Make the pictures of a stream whose every packet decodes by itself."""
        yes, no = np.ones(count, np.bool_), np.zeros(count, np.bool_)
        return cls(yes, yes, np.zeros(count, np.int64), yes, no, np.arange(count))

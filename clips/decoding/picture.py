"""Picture: the facts from a packet's header that decide which packets must be decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


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

"""Survey: facts about all packets of a video, from its container's index where that suffices, else by demuxing it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clips.decoding.packet_plan import Times, check_beginning, display_order
from clips.decoding.picture import FullDecodeRequired, Pictures, WrongTimes


class ReadPackets(Protocol):
    """Yields packets by their places in decode order, which ascend."""

    def __call__(self, numbers: Sequence[int], /) -> Generator[Packet[VideoStream], None, None]:
        """Yield the packets with these places."""


def _read_nothing(_: Sequence[int]) -> Generator[Packet[VideoStream], None, None]:
    yield from ()


@dataclass
class Survey:
    """Facts about a video's packets, in decode order.

    `timestamps` are the presentation times of the packets that seem to hold a frame to show, in the stream's time base.
    `reason` says why every packet must be decoded. Unless it is set, `times` and `pictures` are those of all packets,
    `shown` are the packets whose frames are shown, in display order, and `read` reads some of the packets.
    """

    timestamps: Sequence[int | None]
    reason: str = ""
    has_wrong_times: bool = False
    times: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    pictures: Pictures = field(default_factory=lambda: Pictures.all_starts(0))
    shown: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    first_packet: bytes = b""
    read: ReadPackets = _read_nothing
    every_packet: Iterable[Packet[VideoStream]] | None = None
    """All packets, once, as a full decode reads them, where they are at hand."""
    reads_in_any_order: bool = True
    """`read` may be called again and again, also on several threads; else once."""


def survey_of(
    times: Times, pictures: Pictures, first_packet: bytes, read: ReadPackets, *, reads_in_any_order: bool = True
) -> Survey:
    """Survey a video whose packets all have a time and a picture.

    Raises NoFrames, and FullDecodeRequired where times and pictures contradict each other.
    """
    check_beginning(pictures)
    shown = display_order(times, pictures)
    timestamps = times[pictures.is_shown].tolist()
    return Survey(
        timestamps,
        times=times,
        pictures=pictures,
        shown=shown,
        first_packet=first_packet,
        read=read,
        reads_in_any_order=reads_in_any_order,
    )


def survey_without_pictures(
    timestamps: Sequence[int | None],
    error: FullDecodeRequired,
    every_packet: Iterable[Packet[VideoStream]] | None = None,
) -> Survey:
    """Survey a video of which every packet must be decoded."""
    return Survey(timestamps, str(error), isinstance(error, WrongTimes), every_packet=every_packet)

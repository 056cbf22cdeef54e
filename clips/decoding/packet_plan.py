"""Packet plan: the display order of a video's packets, and the packets that a few of its frames need.

`times` int64 [N] and `pictures` are in decode order, one of each for a packet. A packet is named by its position in
that order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clips.decoding.errors import NoFrames
from clips.decoding.picture import FullDecodeRequired, Pictures, WrongTimes

MAX_REORDER_DEPTH = 16
"""The most that H.264 and HEVC allow."""
MAX_REORDER_REACH = 256
"""Packets between one and another that is shown before it; more is no stream that any encoder makes."""

Times = NDArray[np.int64]
"""Presentation times of packets: int64 [N], in the stream's time base."""


def check_beginning(pictures: Pictures) -> None:
    """Raise NoFrames for no picture, FullDecodeRequired if the first ones need others that are missing."""
    if not pictures.is_start.size:
        raise NoFrames("the video holds no frame")
    if not pictures.is_start[0]:
        raise FullDecodeRequired("the video does not begin with a picture that decodes by itself")
    following = pictures.is_start[1:]
    num_before_next_start = int(following.argmax()) if following.any() else following.size
    if pictures.is_leading[1 : 1 + num_before_next_start].any():
        raise FullDecodeRequired("the first pictures need earlier ones, which are missing")


def display_order(times: Times, pictures: Pictures) -> NDArray[np.intp]:
    """Return the packets whose frames are shown, in display order, which times and bitstream must agree on.

    Raises NoFrames for none, WrongTimes where times are equal or contradict the pictures' order.
    """
    shown = np.flatnonzero(pictures.is_shown)
    if not shown.size:
        raise NoFrames("the video holds no frame")
    order = shown[times[shown].argsort(kind="stable")]
    in_time, in_bitstream = times[order], pictures.order[order]
    if (in_time[1:] == in_time[:-1]).any():
        raise WrongTimes("frames share a time")
    # containers lie about times: B pictures with times in decode order, keyframes that are late, clocks that step back
    if (in_bitstream[1:] <= in_bitstream[:-1]).any():
        raise WrongTimes("the times of the frames contradict their order in the bitstream")
    return order


def reorder_depth(times: Times) -> int:
    """Return the most frames that are decoded before one that is shown before them (FFmpeg's `has_b_frames`).

    Raises FullDecodeRequired for more than MAX_REORDER_DEPTH.
    """
    first_shown_later = np.maximum.accumulate(times).searchsorted(times, "right")
    reach = int((np.arange(len(times)) - first_shown_later).max(initial=0))
    depths = np.zeros(len(times), np.int64)
    for distance in range(1, min(reach, MAX_REORDER_REACH) + 1):
        depths[distance:] += times[:-distance] > times[distance:]
    depth = int(depths.max(initial=0))
    if depth > MAX_REORDER_DEPTH or reach > MAX_REORDER_REACH:
        raise FullDecodeRequired("frames are reordered further than any decoder expects")
    return depth


def plan_runs(
    targets: Collection[int], times: Times, pictures: Pictures, always_fed: Iterable[int] = ()
) -> list[list[int]]:
    """Return the packets that decode the targets, as runs in decode order.

    Args:
        targets: packets whose frames are wanted.
        times: presentation times of all packets, in the stream's time base.
        pictures: pictures of all packets.
        always_fed: packets to feed even if no target needs them.

    Returns:
        Runs of packets; the decoder is flushed before each, so that it remembers nothing of the run before.
    """
    is_needed = pictures.is_reference | (pictures.layer < pictures.layer.max())
    in_order = np.array(sorted(targets))
    last_target_from = dict(zip(_starts_for(in_order, times, pictures), in_order.tolist(), strict=True))
    is_fed = np.zeros(len(times), np.bool_)
    is_fed[[*targets, *always_fed]] = True
    for start, last in last_target_from.items():
        if start < last:
            is_fed[start:last] |= is_needed[start:last] & (times[start:last] >= times[start])
    return _split_at_gaps(np.flatnonzero(is_fed).tolist(), pictures, is_needed)


def _starts_for(targets: NDArray[np.intp], times: Times, pictures: Pictures) -> list[int]:
    """Return for each target the last start decoded and shown no later than it, or else the first packet."""
    is_start = pictures.is_start.copy()
    is_start[0] = True
    starts = np.flatnonzero(is_start)
    at = starts.searchsorted(targets, "right") - 1
    # a leading picture of an open GOP follows a start in decode order, is shown before it, and needs the start before
    while (is_leading := (at > 0) & (times[starts[at]] > times[targets])).any():
        at -= is_leading
    found: list[int] = starts[at].tolist()
    return found


def _split_at_gaps(fed: list[int], pictures: Pictures, is_needed: NDArray[np.bool_]) -> list[list[int]]:
    """Split where a picture that others may need is left out; a new run begins at a start."""
    runs = [fed[:1]]
    for previous, number in pairwise(fed):
        if number - previous > 1 and pictures.is_start[number] and is_needed[previous + 1 : number].any():
            runs.append([])
        runs[-1].append(number)
    return runs

"""Packet plan: the display order of a video's packets, and the packets that a few of its frames need.

`times` and `pictures` are in decode order, one of each for a packet. A packet is named by its position in that order.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Collection, Sequence
from itertools import pairwise, takewhile

from clips.decoding.errors import NoFrames
from clips.decoding.picture import FullDecodeRequired, Picture, WrongTimes

MAX_REORDER_DEPTH = 16
"""The most that H.264 and HEVC allow."""


def check_beginning(pictures: Sequence[Picture]) -> None:
    """Raise NoFrames for no picture, FullDecodeRequired if the first ones need others that are missing."""
    if not pictures:
        raise NoFrames("the video holds no frame")
    if not pictures[0].is_start:
        raise FullDecodeRequired("the video does not begin with a picture that decodes by itself")
    if any(picture.is_leading for picture in takewhile(lambda picture: not picture.is_start, pictures[1:])):
        raise FullDecodeRequired("the first pictures need earlier ones, which are missing")


def display_order(times: Sequence[int], pictures: Sequence[Picture]) -> list[int]:
    """Return the packets whose frames are shown, in display order, which times and bitstream must agree on.

    Raises NoFrames for none, WrongTimes where times are equal or contradict the pictures' order.
    """
    shown = [i for i, picture in enumerate(pictures) if picture.is_shown]
    if not shown:
        raise NoFrames("the video holds no frame")
    order = sorted(shown, key=times.__getitem__)
    if any(times[i] == times[j] for i, j in pairwise(order)):
        raise WrongTimes("frames share a time")
    # containers lie about times: B pictures with times in decode order, keyframes that are late, clocks that step back
    positions = [i if (position := pictures[i].order) is None else position for i in order]
    if any(i >= j for i, j in pairwise(positions)):
        raise WrongTimes("the times of the frames contradict their order in the bitstream")
    return order


def reorder_depth(times: Sequence[int]) -> int:
    """Return the most frames that are decoded before one that is shown before them (FFmpeg's `has_b_frames`).

    Raises FullDecodeRequired for more than MAX_REORDER_DEPTH.
    """
    depth = 0
    earlier: list[int] = []
    for time in times:
        depth = max(depth, len(earlier) - bisect(earlier, time))
        if depth > MAX_REORDER_DEPTH:
            raise FullDecodeRequired("frames are reordered further than any decoder expects")
        insort(earlier, time)
    return depth


def plan_runs(
    targets: Collection[int], times: Sequence[int], pictures: Sequence[Picture], always_fed: Collection[int] = ()
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
    top_layer = max(picture.layer for picture in pictures)
    is_needed = [picture.is_reference or picture.layer < top_layer for picture in pictures]
    starts = [0, *(i for i in range(1, len(pictures)) if pictures[i].is_start)]
    last_target_from = {_start_for(target, times, starts): target for target in sorted(targets)}
    fed = {*targets, *always_fed}
    for start, last in last_target_from.items():
        fed.update(i for i in range(start, last) if is_needed[i] and times[i] >= times[start])
    return _split_at_gaps(sorted(fed), pictures, is_needed)


def _start_for(target: int, times: Sequence[int], starts: Sequence[int]) -> int:
    """Return the last start that is decoded and shown no later than the target, or else the first start."""
    at = bisect(starts, target) - 1
    # a leading picture of an open GOP follows a start in decode order, is shown before it, and needs the start before
    while at and times[starts[at]] > times[target]:
        at -= 1
    return starts[at]


def _split_at_gaps(fed: Sequence[int], pictures: Sequence[Picture], is_needed: Sequence[bool]) -> list[list[int]]:
    """Split where a picture that others may need is left out; a new run begins at a start."""
    runs: list[list[int]] = []
    previous = -2
    for i in fed:
        if not runs or (pictures[i].is_start and any(is_needed[previous + 1 : i])):
            runs.append([])
        runs[-1].append(i)
        previous = i
    return runs

"""Which of a video's packets a few of its frames need.

Times and pictures are given in decode order, a packet each; the packets' places in that order are what is planned with.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Collection, Sequence
from itertools import pairwise, takewhile

from clips.decoding.bitstream import FullDecodeRequired, Picture
from clips.decoding.errors import NoFrames

MAX_REORDERING = 16
"""The most that H.264 and HEVC allow."""


def check_beginning(pictures: Sequence[Picture]) -> None:
    """Raises NoFrames for no picture, FullDecodeRequired if not all pictures follow from the first one."""
    if not pictures:
        raise NoFrames("the video holds no frame")
    if not pictures[0].is_start:
        raise FullDecodeRequired("the video does not begin with a picture that decodes by itself")
    if any(picture.is_leading for picture in takewhile(lambda picture: not picture.is_start, pictures[1:])):
        raise FullDecodeRequired("the first pictures need earlier ones, which are missing")


def display_order(times: Sequence[int], pictures: Sequence[Picture]) -> list[int]:
    """The packets whose frames are shown, as they are shown."""
    shown = [i for i, picture in enumerate(pictures) if picture.is_shown]
    if not shown:
        raise NoFrames("the video holds no frame")
    order = sorted(shown, key=times.__getitem__)
    if any(times[i] == times[j] for i, j in pairwise(order)):
        raise FullDecodeRequired("frames share a time")
    return order


def order_by_kind(pictures: Sequence[Picture]) -> list[int]:
    """The order that MPEG-4's pictures ask for: a B is shown at once, any other one when the next other one comes."""
    order: list[int] = []
    held: list[int] = []
    for i, picture in enumerate(pictures):
        if not picture.is_shown:
            continue
        if picture.is_reference:
            order += held
            held = [i]
        else:
            order.append(i)
    return order + held


def reordering(times: Sequence[int]) -> int:
    """How many frames at most are decoded before one that is shown before them."""
    depth = 0
    earlier: list[int] = []
    for time in times:
        depth = max(depth, len(earlier) - bisect(earlier, time))
        if depth > MAX_REORDERING:
            raise FullDecodeRequired("frames are reordered further than any decoder expects")
        insort(earlier, time)
    return depth


def runs_for(
    targets: Collection[int], times: Sequence[int], pictures: Sequence[Picture], also: Collection[int] = ()
) -> list[list[int]]:
    """What to feed, in decode order; each run to a decoder that remembers nothing. `also` is fed in any case."""
    top_layer = max(picture.layer for picture in pictures)
    is_needed = [picture.is_reference or picture.layer < top_layer for picture in pictures]
    starts = [0, *(i for i in range(1, len(pictures)) if pictures[i].is_start)]
    last_from = {_start_of(target, times, starts): target for target in sorted(targets)}
    fed = {*targets, *also}
    for start, last in last_from.items():
        fed.update(i for i in range(start, last) if is_needed[i] and times[i] >= times[start])
    return _cut_at_gaps(sorted(fed), pictures, is_needed)


def _start_of(target: int, times: Sequence[int], starts: Sequence[int]) -> int:
    """The last of the starts that is decoded and shown no later than the target, or the first one."""
    at = bisect(starts, target) - 1
    while at and times[starts[at]] > times[target]:
        at -= 1
    return starts[at]


def _cut_at_gaps(fed: Sequence[int], pictures: Sequence[Picture], is_needed: Sequence[bool]) -> list[list[int]]:
    """A run ends where a picture that others may need was left out."""
    runs: list[list[int]] = []
    previous = -2
    for i in fed:
        if not runs or (pictures[i].is_start and any(is_needed[previous + 1 : i])):
            runs.append([])
        runs[-1].append(i)
        previous = i
    return runs

"""Frame times: in seconds from the first frame, strictly rising, whatever the clock of the file does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import accumulate, pairwise
from typing import TypeVar

from clips.decoding.packet_plan import MAX_REORDER_DEPTH

T = TypeVar("T")

MIN_RESET_SECONDS = 1.0
"""A clock that steps back further, and further than frames may be reordered, has begun anew."""
MIN_STEP_SECONDS = 1e-5
"""Frames that share a time are moved this far apart."""


def all_rising(seconds: Sequence[float | None], frame_seconds: float) -> list[float]:
    """Return the times of a video's frames as `rising` gives them, at once where sorting them is all it would do."""
    known = [time for time in seconds if time is not None]
    order = sorted(range(len(known)), key=known.__getitem__)
    if len(known) == len(seconds) and _is_reordered_alone(known, order, frame_seconds):
        times = [known[place] - known[order[0]] for place in order]
        if all(later >= time + MIN_STEP_SECONDS for time, later in pairwise(times)):
            return times
    return [time for time, _ in rising(((time, None) for time in seconds), frame_seconds)]


def _is_reordered_alone(seconds: Sequence[float], order: Sequence[int], frame_seconds: float) -> bool:
    """Return True if the clock does not begin anew, and no frame comes later than others may be held for it."""
    most = _max_step_back(frame_seconds)
    steps_back = zip(accumulate(seconds, max), seconds, strict=True)
    is_steady = not any(time < latest - most for latest, time in steps_back)
    return is_steady and all(place - rank <= MAX_REORDER_DEPTH for rank, place in enumerate(order))


def _max_step_back(frame_seconds: float) -> float:
    return max(MIN_RESET_SECONDS, MAX_REORDER_DEPTH * frame_seconds)


def rising(timed: Iterable[tuple[float | None, T]], frame_seconds: float) -> Iterator[tuple[float, T]]:
    """Give frames, which come in display order, times that rise from 0.

        list(rising([(5.0, "a"), (5.08, "b"), (5.04, "c"), (None, "d")], 0.04))
        [(0.0, "a"), (0.04, "b"), (0.08, "c"), (0.12, "d")]

    Of `MAX_REORDER_DEPTH` frames and the next one, the first gets the earliest time: containers may keep the times of
    the packets in decode order. A frame without a time follows the one before after `frame_seconds`; so does a clock
    that begins anew.
    """
    first, previous = 0.0, -MIN_STEP_SECONDS
    for count, (seconds, frame) in enumerate(_sorted(_without_resets(_filled(timed, frame_seconds), frame_seconds))):
        if count == 0:
            first = seconds
        previous = max(seconds - first, previous + MIN_STEP_SECONDS)
        yield previous, frame


def _filled(timed: Iterable[tuple[float | None, T]], frame_seconds: float) -> Iterator[tuple[float, T]]:
    following = 0.0
    for seconds, frame in timed:
        known = following if seconds is None else seconds
        yield known, frame
        following = known + frame_seconds


def _without_resets(timed: Iterable[tuple[float, T]], frame_seconds: float) -> Iterator[tuple[float, T]]:
    max_step_back = _max_step_back(frame_seconds)
    latest, shift = float("-inf"), 0.0
    for seconds, frame in timed:
        if seconds + shift < latest - max_step_back:
            shift = latest + frame_seconds - seconds
        latest = max(latest, seconds + shift)
        yield seconds + shift, frame


def _sorted(timed: Iterable[tuple[float, T]]) -> Iterator[tuple[float, T]]:
    times: list[float] = []
    frames: deque[T] = deque()
    for seconds, frame in timed:
        heappush(times, seconds)
        frames.append(frame)
        if len(times) > MAX_REORDER_DEPTH:
            yield heappop(times), frames.popleft()
    while frames:
        yield heappop(times), frames.popleft()

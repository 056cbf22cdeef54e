"""Neighbouring windows that show the same action become one segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import fmean

from clips.scores import Score


@dataclass(frozen=True)
class JudgedWindow:
    """A stretch of a video, in seconds, and the likeliest action in it."""

    start: float
    end: float
    likeliest: Score


@dataclass(frozen=True)
class Segment:
    """A stretch of a video, in seconds, whose windows agree; `probability` is their mean."""

    start: float
    end: float
    label: str
    index: int
    probability: float
    num_windows: int


def merge(windows: Sequence[JudgedWindow]) -> list[Segment]:
    """Segments without gap or overlap from windows in order of time, each of which overlaps or touches the next.

    The border of two segments is the middle of what their windows share:

        A 0-2  A 1-3  B 2-4  B 3-5     A 0-2.5  B 2.5-5
    """
    runs = [list(run) for _, run in groupby(windows, key=lambda window: window.likeliest.index)]
    borders = [(earlier[-1].end + later[0].start) / 2 for earlier, later in pairwise(runs)]
    starts, ends = [*(run[0].start for run in runs[:1]), *borders], [*borders, *(run[-1].end for run in runs[-1:])]
    return [_segment(run, start, end) for run, start, end in zip(runs, starts, ends, strict=True)]


def _segment(run: Sequence[JudgedWindow], start: float, end: float) -> Segment:
    action = run[0].likeliest
    probability = fmean(window.likeliest.probability for window in run)
    return Segment(start, end, action.label, action.index, probability, len(run))

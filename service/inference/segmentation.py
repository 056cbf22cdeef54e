"""Segmentation: neighbouring windows with the same top-1 action become one segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import fmean

from clips.scores import Score


@dataclass(frozen=True)
class ScoredWindow:
    """A stretch of a video, in seconds, and its top-1 action."""

    start: float
    end: float
    top1: Score


@dataclass(frozen=True)
class Segment:
    """A stretch of a video, in seconds, whose windows have the same top-1 action; `probability` is their mean."""

    start: float
    end: float
    label: str
    index: int
    probability: float
    num_windows: int


def merge(windows: Sequence[ScoredWindow]) -> list[Segment]:
    """Merge windows in order of time, each of which overlaps or touches the next, into segments without gap or overlap.

    The border of two segments is the middle of what their windows share:

        A 0-2  A 1-3  B 2-4  B 3-5     A 0-2.5  B 2.5-5
    """
    runs = [list(run) for _, run in groupby(windows, key=lambda window: window.top1.index)]
    borders = [(earlier[-1].end + later[0].start) / 2 for earlier, later in pairwise(runs)]
    starts, ends = [*(run[0].start for run in runs[:1]), *borders], [*borders, *(run[-1].end for run in runs[-1:])]
    return [_segment(run, start, end) for run, start, end in zip(runs, starts, ends, strict=True)]


def _segment(run: Sequence[ScoredWindow], start: float, end: float) -> Segment:
    action = run[0].top1
    probability = fmean(window.top1.probability for window in run)
    return Segment(start, end, action.label, action.index, probability, len(run))

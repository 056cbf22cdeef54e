"""Segmentation: neighbouring windows with the same top-1 action become one segment, as they come or all at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from clips.scores import Score

BRIDGED_SECONDS = 0.5
"""Longest stretch, between windows that agree, that does not split their segment; measured by `make bench-timeline`."""

ROUNDING = 1e-6
"""Times that differ by less are equal."""


@dataclass(frozen=True)
class ScoredWindow:
    """A stretch of a video, in seconds, and its top-1 action."""

    start: float
    end: float
    top1: Score


@dataclass(frozen=True)
class Segment:
    """A stretch of a video, in seconds, whose windows have the same top-1 action.

    `label` and `index` are None where nothing is named, as each top-1 probability is below the threshold.
    `probability` is the mean of the windows that agree; `num_windows` also counts those that were bridged.
    """

    start: float
    end: float
    label: str | None
    index: int | None
    probability: float
    num_windows: int


class Segmenter:
    """Merges windows into segments while they come, each as soon as it is certain.

        segmenter = Segmenter(min_probability=0.6)
        for window in windows:
            for segment in segmenter.add(window):
                print(segment)
        print(*segmenter.finish(), sep="\\n")

    A window whose top-1 probability is below `min_probability` names nothing; that is decided before windows are
    merged. The border of two segments is the middle of what their windows share:

        A 0-2  A 1-3  B 2-4  B 3-5      A 0-2.5  B 2.5-5

    Two hystereses keep segments whole. A stretch of at most `bridged_seconds` between windows that agree belongs to
    their segment, be it named or not. So does a single odd window in a named segment where the windows before and
    after it meet, so that each of its moments is also seen by one that agrees:

        A 0-2  A 1-3  B 2-4  A 3-5  A 4-6      A 0-6

    Segments have no gap and no overlap. Memory does not grow with the number of windows.

    Args:
        min_probability: Least top-1 probability of a window that names its action, from 0 to 1.
        bridged_seconds: Longest stretch that does not split a segment; 0 for neither hysteresis.
    """

    def __init__(self, min_probability: float = 0.0, bridged_seconds: float = BRIDGED_SECONDS) -> None:
        self._min_probability = min_probability
        self._bridged_seconds = bridged_seconds
        self._run: _Run | None = None
        self._pending: deque[ScoredWindow] = deque()

    def add(self, window: ScoredWindow) -> list[Segment]:
        """Take the next window, which overlaps or touches the one before; return the segments that it closes."""
        closed: list[Segment] = []
        while self._run is not None and self._pending and not self._may_bridge(self._run, window):
            closed += self._close_run(self._run)
        if self._run is None:
            self._run = _Run(window, self._label_of(window), window.start)
        elif self._label_of(window) == self._run.label:
            self._run.extend(window, bridged=len(self._pending))
            self._pending.clear()
        else:
            self._pending.append(window)
        return closed

    def finish(self) -> list[Segment]:
        """Return the rest of the segments; the last one ends with the last window."""
        closed: list[Segment] = []
        while self._run is not None and self._pending:
            closed += self._close_run(self._run)
        last = self.open_segment
        self._run = None
        return closed if last is None else [*closed, last]

    @property
    def open_segment(self) -> Segment | None:
        """The segment that goes on, up to the end of its last window; None without windows."""
        return None if self._run is None else self._run.segment(self._run.end)

    def _may_bridge(self, run: _Run, window: ScoredWindow) -> bool:
        """Return True if the pending windows, which `window` follows, may still belong to the run before them."""
        if self._bridged_seconds == 0:
            return False
        first, last = self._pending[0], self._pending[-1]
        stretch = _border(last.end, window.start) - _border(run.end, first.start)
        if stretch <= self._bridged_seconds + ROUNDING:
            return True
        is_odd = run.label is not None and len(self._pending) == 1 and self._label_of(window) == run.label
        return is_odd and window.start <= run.end + ROUNDING

    def _close_run(self, run: _Run) -> list[Segment]:
        """Close the run at the first pending window, with which the next one begins."""
        first, *others = self._pending
        border = _border(run.end, first.start)
        closed = [run.segment(border)]
        self._run = _Run(first, self._label_of(first), border)
        self._pending.clear()
        for window in others:
            closed += self.add(window)
        return closed

    def _label_of(self, window: ScoredWindow) -> tuple[str, int] | None:
        top1 = window.top1
        return (top1.label, top1.index) if top1.probability >= self._min_probability else None


class _Run:
    """Windows that agree, from `start` to the end of the last one."""

    def __init__(self, window: ScoredWindow, label: tuple[str, int] | None, start: float) -> None:
        self.label = label
        self.end = window.end
        self._start = start
        self._num_windows = self._num_agreeing = 1
        self._sum_of_probabilities = window.top1.probability

    def extend(self, window: ScoredWindow, bridged: int) -> None:
        """Add a window that agrees, and count those before it that do not."""
        self.end = window.end
        self._num_windows += 1 + bridged
        self._num_agreeing += 1
        self._sum_of_probabilities += window.top1.probability

    def segment(self, end: float) -> Segment:
        """The run as a segment."""
        label, index = self.label or (None, None)
        probability = self._sum_of_probabilities / self._num_agreeing
        return Segment(self._start, end, label, index, probability, self._num_windows)


def segments_of(
    windows: Iterable[ScoredWindow], min_probability: float = 0.0, bridged_seconds: float = BRIDGED_SECONDS
) -> list[Segment]:
    """Merge all windows of a video, in order of time; parameters and result are those of `Segmenter`."""
    segmenter = Segmenter(min_probability, bridged_seconds)
    closed = [segment for window in windows for segment in segmenter.add(window)]
    return closed + segmenter.finish()


def _border(end: float, start: float) -> float:
    """Return the middle of what a window that ends at `end` and one that begins at `start` share."""
    return (end + start) / 2

"""Figures of a segmentation: segmental F1 at several overlaps, and frame accuracy.

They are those of Farha and Gall, "MS-TCN" (CVPR 2019): a predicted segment is right if it overlaps a true one of its
label, that no other has taken, by a share of their union; stretches without an action are no segments, but their
frames count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.benchmarks.timelines.films import KnownFilm, TrueSegment

OVERLAPS = (0.1, 0.25, 0.5)


@dataclass
class SegmentationFigures:
    """Counts over films: right, surplus and missed segments by overlap, and right frames."""

    right: dict[float, int] = field(default_factory=lambda: dict.fromkeys(OVERLAPS, 0))
    predicted: int = 0
    true: int = 0
    right_frames: int = 0
    frames: int = 0

    def add(self, film: KnownFilm, predicted: Sequence[TrueSegment]) -> None:
        """Count a film's segments as they were predicted."""
        named = [segment for segment in predicted if segment.label is not None]
        true = [segment for segment in film.segments if segment.label is not None]
        for overlap in OVERLAPS:
            self.right[overlap] += count_right(named, true, overlap)
        self.predicted += len(named)
        self.true += len(true)
        truth, found = (labels_of_frames(segments, film) for segments in (film.segments, predicted))
        self.right_frames += int((truth == found).sum())
        self.frames += len(truth)

    def f1(self, overlap: float) -> float:
        """Harmonic mean of precision and recall; 0 where there are no segments."""
        total = self.predicted + self.true
        return 2 * self.right[overlap] / total if total else 0.0

    @property
    def accuracy(self) -> float:
        """Share of the frames with the right label or rightly without one."""
        return self.right_frames / self.frames if self.frames else 0.0

    @property
    def mean_f1(self) -> float:
        """Mean of F1 over the overlaps: the figure that is tuned."""
        return sum(map(self.f1, OVERLAPS)) / len(OVERLAPS)


def count_right(predicted: Sequence[TrueSegment], true: Sequence[TrueSegment], overlap: float) -> int:
    """Count the predicted segments that have a true one of their own; each takes the one that it overlaps most."""
    taken: set[int] = set()
    for segment in predicted:
        shares = [_overlap(segment, other) if segment.label == other.label else 0.0 for other in true]
        best = int(np.argmax(shares)) if shares else -1
        if best >= 0 and shares[best] >= overlap and best not in taken:
            taken.add(best)
    return len(taken)


def labels_of_frames(segments: Sequence[TrueSegment], film: KnownFilm) -> np.ndarray:
    """Return the label at the middle of each of the film's frames, int64; -1 for none."""
    middles = (np.arange(round(film.segments[-1].end * film.rate)) + 0.5) / film.rate
    places = np.searchsorted([segment.end for segment in segments], middles, side="right")
    labels = np.array([-1 if segment.label is None else segment.label for segment in segments], np.int64)
    return np.asarray(labels[np.minimum(places, len(labels) - 1)])


def _overlap(one: TrueSegment, other: TrueSegment) -> float:
    """Return the intersection of two segments as a share of their union."""
    shared = min(one.end, other.end) - max(one.start, other.start)
    return max(0.0, shared) / (max(one.end, other.end) - min(one.start, other.start))

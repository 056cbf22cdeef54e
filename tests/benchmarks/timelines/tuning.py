"""Tuning: the choice of window, step and threshold that names a set of films best, and the rules beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from service.inference.segmentation import BRIDGED_SECONDS
from tests.benchmarks.timelines.metrics import SegmentationFigures
from tests.benchmarks.timelines.predictions import FINEST_STEP, PredictedFilm, TimelineChoice

STEPS_PER_WINDOW = (8, 6, 4, 3, 2)
THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

PLAIN = TimelineChoice(2.0, 1.0, min_probability=0.0, bridged_seconds=0.0)
"""The plain rule: runs of equal top-1 actions, whatever their probability."""


def rules(threshold: float, tuned: TimelineChoice) -> dict[str, TimelineChoice]:
    """Return the rules that are compared, by name; `threshold` is that of the model's likely answers."""
    return {
        "plain": PLAIN,
        "threshold": TimelineChoice(2.0, 1.0, threshold, 0.0),
        "default": TimelineChoice(2.0, 1.0, threshold, BRIDGED_SECONDS),
        "tuned, no hysteresis": TimelineChoice(tuned.window_seconds, tuned.step_seconds, tuned.min_probability, 0.0),
        "tuned": tuned,
    }


def figures_of(films: Iterable[PredictedFilm], choice: TimelineChoice) -> SegmentationFigures:
    """Return the figures of a choice over films."""
    figures = SegmentationFigures()
    for predicted in films:
        figures.add(predicted.film, predicted.segments(choice))
    return figures


def tune(sets: Sequence[Sequence[PredictedFilm]]) -> TimelineChoice:
    """Return the choice with the best mean F1, averaged over the sets of films, by the windows that they have."""
    lengths = set.intersection(*(set(film.scored) for films in sets for film in films))
    return max(_choices(sorted(lengths)), key=lambda choice: sum(figures_of(films, choice).mean_f1 for films in sets))


def _choices(lengths: Iterable[float]) -> Iterator[TimelineChoice]:
    for length, share, threshold in product(lengths, STEPS_PER_WINDOW, THRESHOLDS):
        if length / share % FINEST_STEP == 0:
            yield TimelineChoice(length, length / share, threshold, BRIDGED_SECONDS)

"""Predictions of a model for every window of a film that a choice of parameters may ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from clips.decoding.limits import DecodeLimits
from clips.model_input import WindowInput
from clips.scores import top_scores
from clips.window_preprocess import preprocess_windows
from clips.windows import Windowing, windows_of
from service.inference.segmentation import ScoredWindow, segments_of
from tests.benchmarks.timelines.films import KnownFilm, TrueSegment

FINEST_STEP = 0.25
"""Seconds between windows that are predicted; every step of a choice is a multiple of it."""

MANY = 100_000
BATCH = 16

Probabilities = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""From views uint8 [N, T, H, W, 3] to probabilities [N, K]."""


@dataclass(frozen=True)
class TimelineChoice:
    """Parameters of a timeline: the windows, the threshold, and the longest stretch that does not split a segment."""

    window_seconds: float
    step_seconds: float
    min_probability: float
    bridged_seconds: float


@dataclass(frozen=True)
class Namer:
    """A model that names windows: its labels, its input, and its probabilities."""

    labels: tuple[str, ...]
    spec: ClipSpec
    probabilities: Probabilities


@dataclass(frozen=True)
class PredictedFilm:
    """A film, and the scored windows of each length that were predicted, by length and start."""

    film: KnownFilm
    scored: dict[float, dict[float, ScoredWindow]]
    duration: float

    def segments(self, choice: TimelineChoice) -> list[TrueSegment]:
        """Return the segments that a choice of parameters gives."""
        windowing = Windowing(choice.window_seconds, choice.step_seconds, MANY)
        starts = [window.start for window in windows_of(self.duration, windowing)]
        windows = [self.scored[choice.window_seconds][_key(start)] for start in starts]
        segments = segments_of(windows, choice.min_probability, choice.bridged_seconds)
        return [TrueSegment(segment.start, segment.end, segment.index) for segment in segments]


def predict_film(film: KnownFilm, namer: Namer, lengths: Sequence[float], step: float = FINEST_STEP) -> PredictedFilm:
    """Predict the windows of these lengths, one every `step` seconds."""
    scored = {length: _scored_windows(film, namer, Windowing(length, step, MANY)) for length in lengths}
    duration = max(window.end for windows in scored.values() for window in windows.values())
    return PredictedFilm(film, scored, duration)


def _scored_windows(film: KnownFilm, namer: Namer, windowing: Windowing) -> dict[float, ScoredWindow]:
    parts = preprocess_windows(film.video, namer.spec, DecodeLimits(), windowing)
    windows = [part for part in parts if isinstance(part, WindowInput)]
    views = np.concatenate([window.views for window in windows])
    batches = [namer.probabilities(views[first : first + BATCH]) for first in range(0, len(views), BATCH)]
    pairs = zip(windows, np.concatenate(batches), strict=True)
    return {
        _key(window.start_seconds): ScoredWindow(
            window.start_seconds, window.end_seconds, top_scores(probabilities, namer.labels, 1)[0]
        )
        for window, probabilities in pairs
    }


def _key(start: float) -> float:
    return round(start, 4)

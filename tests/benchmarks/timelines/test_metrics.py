"""Figures of a segmentation, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.timelines.films import KnownFilm, Shot, TrueSegment, join_shots
from tests.benchmarks.timelines.metrics import SegmentationFigures, count_right, labels_of_frames

FILM = KnownFilm(b"", (TrueSegment(0, 4, 0), TrueSegment(4, 6, None), TrueSegment(6, 10, 1)), rate=10)


def figures_of(*predicted: TrueSegment) -> SegmentationFigures:
    figures = SegmentationFigures()
    figures.add(FILM, predicted)
    return figures


def test_the_truth_has_no_mistake() -> None:
    figures = figures_of(*FILM.segments)
    assert [figures.f1(overlap) for overlap in (0.1, 0.25, 0.5)] == [1, 1, 1]
    assert (figures.accuracy, figures.mean_f1) == (1, 1)


def test_what_names_nothing_has_the_frames_without_a_name() -> None:
    figures = figures_of(TrueSegment(0, 10, None))
    assert figures.mean_f1 == 0
    assert figures.accuracy == pytest.approx(0.2)


def test_each_true_segment_is_taken_once() -> None:
    halves = [TrueSegment(0, 2, 0), TrueSegment(2, 4, 0)]
    assert count_right(halves, FILM.segments[:1], 0.5) == 1
    assert count_right(halves, FILM.segments[:1], 0.6) == 0
    figures = figures_of(*halves, TrueSegment(4, 6, None), TrueSegment(6, 10, 1))
    assert figures.f1(0.5) == pytest.approx(2 * 2 / (3 + 2))
    assert figures.accuracy == 1


def test_overlap_is_a_share_of_the_union() -> None:
    predicted = [TrueSegment(2, 6, 0)]
    assert [count_right(predicted, FILM.segments[:1], overlap) for overlap in (0.1, 0.25, 0.5)] == [1, 1, 0]
    assert count_right([TrueSegment(0, 4, 1)], FILM.segments[:1], 0.1) == 0


def test_frames_have_the_label_at_their_middle() -> None:
    labels = labels_of_frames(FILM.segments, FILM)
    assert labels.tolist() == [0] * 40 + [-1] * 20 + [1] * 40


def test_shots_that_show_the_same_are_one_segment() -> None:
    frame = np.zeros((32, 32, 3), np.uint8)
    film = join_shots([Shot([frame] * 5, None), Shot([frame] * 5, None), Shot([frame] * 10, 3)], encoding=0, rate=10)
    assert film.segments == (TrueSegment(0, 1, None), TrueSegment(1, 2, 3))

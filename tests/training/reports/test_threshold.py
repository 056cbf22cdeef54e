"""Threshold: the clips that it keeps, and too few clips."""

import numpy as np
import pytest

from training.reports.threshold import FEWEST_CLIPS, fit_threshold


def answers(tops, right):
    """Probabilities [N, 3] whose top-1 probabilities are `tops`, and labels that are right where `right` says so."""
    rest = (1 - np.array(tops)[:, None]) / 2
    return np.hstack([np.array(tops)[:, None], rest, rest]), np.where(right, 0, 1)


@pytest.mark.parametrize("count", [20, 39, 40, 61, 100, 513])
def test_it_is_the_largest_that_keeps_95_of_100_right_answers(count):
    tops = np.random.default_rng(count).uniform(0.4, 1, count)
    threshold = fit_threshold(*answers(tops, np.full(count, True)))
    kept, kept_above = (tops >= threshold).sum(), (tops > threshold).sum()
    assert kept >= 0.95 * count > kept_above


def test_wrong_answers_do_not_count():
    tops = np.linspace(0.6, 0.9, 40)
    alone = fit_threshold(*answers(tops, np.full(40, True)))
    beside = fit_threshold(*answers([*tops, *np.full(40, 0.99)], np.arange(80) < 40))
    assert alone == beside == pytest.approx(np.sort(tops)[2])


def test_few_right_answers_give_none():
    tops = np.full(FEWEST_CLIPS, 0.8)
    assert fit_threshold(*answers(tops, np.arange(FEWEST_CLIPS) > 0)) is None
    assert fit_threshold(*answers(tops, np.full(FEWEST_CLIPS, True))) == pytest.approx(0.8)

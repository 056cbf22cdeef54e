"""Softmax, averages over views, and the top-k actions."""

import numpy as np
import pytest

from clips.scores import average_views, softmax, top_scores


def test_softmax_stands_large_logits():
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1000.0], [-1000.0, 0.0]])), [[0.5, 0.5], [0.0, 1.0]])


def test_views_are_averaged_as_probabilities():
    logits = np.log(np.array([[0.9, 0.1], [0.5, 0.5]]))
    np.testing.assert_allclose(average_views(logits), [0.7, 0.3])


def test_the_temperature_divides_the_logits_of_each_view():
    logits = np.array([[2.0, 0.0], [0.0, 1.0]], np.float32)
    sigmoids = [1 / (1 + np.exp(-2 / 4)), 1 / (1 + np.exp(1 / 4))]
    np.testing.assert_allclose(average_views(logits, 4.0)[0], np.mean(sigmoids), rtol=1e-12)


def test_scores_fall_and_ties_keep_the_labels_order():
    scores = top_scores(np.array([0.2, 0.4, 0.2, 0.2]), ("a", "b", "c", "d"), 3)
    assert [(score.rank, score.label, score.index) for score in scores] == [(1, "b", 1), (2, "a", 0), (3, "c", 2)]


def test_labels_must_fit():
    with pytest.raises(ValueError, match="2"):
        top_scores(np.ones(3) / 3, ("a", "b"), 1)

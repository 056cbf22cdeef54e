"""Temperature scaling, compared with a dense search in NumPy."""

import numpy as np
import pytest

from training.reports.temperature import MAX_TEMPERATURE, fit_temperature


def drawn(temperature, *, clips=4000, classes=5, views=1, seed=0):
    """Logits [N, V, K] whose labels are drawn from their own probabilities at a temperature."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(clips, views, classes)).astype(np.float32)
    shares = np.exp(logits.astype(np.float64) / temperature)
    shares = (shares / shares.sum(2, keepdims=True)).mean(1)
    return logits, np.array([rng.choice(classes, p=share) for share in shares])


def searched(logits, labels):
    """The temperature of the least loss with Platt's targets, on a grid."""
    grid = np.geomspace(0.2, 8, 4001)
    rest, rows = 1 / (len(labels) + 2), np.arange(len(labels))

    def loss(temperature):
        shares = np.exp(logits.astype(np.float64) / temperature)
        logs = np.log((shares / shares.sum(2, keepdims=True)).mean(1))
        own = logs[rows, labels]
        return -np.mean((1 - rest) * own + rest * (logs.sum(1) - own) / (logs.shape[1] - 1))

    return grid[np.argmin([loss(temperature) for temperature in grid])]


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_the_temperature_that_the_labels_were_drawn_with_is_found(true):
    assert fit_temperature(*drawn(true)) == pytest.approx(true, rel=0.06)


@pytest.mark.parametrize(("true", "views"), [(0.7, 1), (1.8, 3)])
def test_the_fit_is_that_of_a_dense_search(true, views):
    logits, labels = drawn(true, clips=60, views=views, seed=3)
    assert fit_temperature(logits, labels) == pytest.approx(searched(logits, labels), rel=2e-3)


def test_twelve_right_answers_are_not_certain():
    logits, labels = np.repeat(3 * np.eye(3, dtype=np.float32), 4, axis=0)[:, None], np.repeat(np.arange(3), 4)
    shares = np.exp(logits[0, 0].astype(np.float64) / fit_temperature(logits, labels))
    assert (shares / shares.sum()).max() == pytest.approx(13 / 14, abs=1e-4)


def test_answers_that_are_always_wrong_get_the_largest_temperature():
    logits = np.repeat(9 * np.eye(2, dtype=np.float32), 20, axis=0)[:, None]
    assert fit_temperature(logits, np.repeat([1, 0], 20)) == pytest.approx(MAX_TEMPERATURE, rel=1e-2)

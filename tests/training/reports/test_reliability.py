"""Reliability: bins of the answers' probabilities, and the expected calibration error."""

from xml.etree import ElementTree

import numpy as np
import pytest

from training.reports.reliability import NUM_BINS, Reliability


@pytest.fixture
def answers():
    """Probabilities [N, 4] and labels [N]."""
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.full(4, 0.3), 500)
    return probabilities, rng.integers(0, 4, 500)


def test_the_calibration_error_is_that_of_a_plain_loop(answers):
    probabilities, labels = answers
    error = 0.0
    for number in range(10):
        rows = [
            (row.max(), row.argmax() == label)
            for row, label in zip(*answers, strict=True)
            if number / 10 < row.max() <= (number + 1) / 10
        ]
        if rows:
            confidence, right = np.mean(rows, axis=0)
            error += len(rows) / len(labels) * abs(confidence - right)
    reliability = Reliability.of(probabilities, labels)
    assert reliability.expected_calibration_error == pytest.approx(error, abs=1e-12)
    assert sum(each.clips for each in reliability.bins) == 500
    assert len(reliability.bins) == NUM_BINS


def test_calibrated_answers_have_no_error_and_overconfident_ones_their_gap():
    sure = np.tile([0.75, 0.25], (8, 1))
    right = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    assert Reliability.of(sure, right).expected_calibration_error == pytest.approx(0)
    assert Reliability.of(sure, 1 - right).expected_calibration_error == pytest.approx(0.5)
    assert Reliability.of(np.eye(2)[right], right).bins[-1].clips == 8, "certain answers belong to the last bin"


def test_the_picture_has_a_bar_of_each_bin_that_holds_answers(answers):
    reliability = Reliability.of(*answers)
    picture = ElementTree.fromstring(reliability.to_svg())
    bars = [bar for bar in picture.iter("rect") if bar.get("class") == "right"]
    accuracies = [each.accuracy for each in reliability.bins if each.accuracy is not None]
    heights = np.array([float(bar.attrib["height"]) for bar in bars])
    np.testing.assert_allclose(heights / 300, accuracies, atol=1e-3)

"""Threshold: the least top-1 probability at which an answer is called likely.

A softmax gives every clip an answer; a clip of something else tends to get a less probable one. Hendrycks and Gimpel:
"A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural Networks", ICLR 2017.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PERCENT_KEPT = 95
"""Of the rightly named validation clips."""

FEWEST_CLIPS = 20
"""Rightly named validation clips that a threshold needs; of fewer, a single one would decide."""


def fit_threshold(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float | None:
    """Return the largest threshold that keeps PERCENT_KEPT of the rightly named clips; None for too few of them.

    Args:
        probabilities: Calibrated probabilities [N, K] of validation clips.
        labels: Classes [N].
    """
    right = np.sort(probabilities.max(axis=1)[probabilities.argmax(axis=1) == labels])
    if len(right) < FEWEST_CLIPS:
        return None
    return float(right[len(right) * (100 - PERCENT_KEPT) // 100])

"""Metrics over a whole validation set: hits are counted and divided once, so that every clip has the same weight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ScoreArray = NDArray[np.floating]
LabelArray = NDArray[np.integer]


def top_k_accuracy(scores: ScoreArray, labels: LabelArray, k: int) -> float:
    """Return the share of rows of `scores` [N, K] whose label [N] is among the k highest. MMAction2: `top_k_accuracy`.

    Ties go to the lower index, as in `clips.scores`; MMAction2 leaves them to an unstable sort. Raises ValueError for
    no rows, for NaN, and for labels that are not classes.
    """
    _check_scores(scores, labels)
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    comes_first = np.arange(scores.shape[1]) < labels[:, None]
    ahead = (scores > own) | ((scores == own) & comes_first)
    return int(np.count_nonzero(ahead.sum(axis=1) < k)) / len(labels)


def mean_class_accuracy(scores: ScoreArray, labels: LabelArray) -> float:
    """Return the mean over classes of each class's accuracy. MMAction2: `mean_class_accuracy`.

    A class that is predicted but absent from `labels` [N] counts as 0; one that is neither is left out. Raises
    ValueError for no rows, for NaN, and for labels that are not classes of `scores` [N, K].
    """
    _check_scores(scores, labels)
    num_classes = scores.shape[1]
    answers = scores.argmax(axis=1)
    samples = np.bincount(labels, minlength=num_classes)
    hits = np.bincount(labels[answers == labels], minlength=num_classes)
    seen = (samples > 0) | (np.bincount(answers, minlength=num_classes) > 0)
    return float((hits / np.maximum(samples, 1))[seen].mean())


def cross_entropy(probabilities: ScoreArray, labels: LabelArray) -> float:
    """Return the mean negative log-likelihood, in nats, of labels [N] under probabilities [N, K].

    Raises ValueError for no rows, for NaN, and for labels that are not classes.
    """
    _check_scores(probabilities, labels)
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    return float(-np.log(np.maximum(own, np.finfo(np.float64).tiny)).mean())


def _check_scores(scores: ScoreArray, labels: LabelArray) -> None:
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or not labels.size:
        raise ValueError(f"scores {scores.shape} and labels {labels.shape} must be [N, K] and [N], with N at least 1")
    if np.isnan(scores).any():
        raise ValueError(f"the scores of {np.isnan(scores).any(axis=1).sum()} clips are not numbers")
    outside = labels[(labels < 0) | (labels >= scores.shape[1])]
    if outside.size:
        raise ValueError(f"label {outside[0]} is not one of {scores.shape[1]} classes")

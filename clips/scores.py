"""Scores: softmax over logits, averaged over views, and the top-k actions with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Score:
    """One action and its probability; rank 1 is the most probable."""

    rank: int
    label: str
    index: int
    probability: float


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities [..., K] in float64 for logits [..., K]; large logits do not overflow."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def average_views(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """Average the probabilities of V views: logits [..., V, K] to [..., K]. MMAction2: `average_clips="prob"`.

    The logits are divided by the model's temperature, which calibrates the probabilities: Guo et al., "On Calibration
    of Modern Neural Networks", ICML 2017.
    """
    return np.asarray(softmax(logits.astype(np.float64) / temperature).mean(axis=-2))


def top_scores(probabilities: NDArray[np.floating], labels: Sequence[str], count: int) -> list[Score]:
    """Return the `count` most probable actions in descending order; ties keep the order of the labels.

        top_scores(average_views(logits), labels, 5)[0].label    # the top-1 action

    `probabilities` is [K] for K labels; another shape raises ValueError.
    """
    if probabilities.shape != (len(labels),):
        raise ValueError(f"{len(labels)} labels do not fit probabilities of shape {probabilities.shape}")
    order = np.argsort(-probabilities, kind="stable")[:count]
    return [
        Score(rank=rank, label=labels[index], index=int(index), probability=float(probabilities[index]))
        for rank, index in enumerate(order, start=1)
    ]

"""Logits become named scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Score:
    """One action and how likely the model finds it; rank 1 is the likeliest."""

    rank: int
    label: str
    index: int
    probability: float


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities along the last axis, in float64, safe for large logits."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def average_views(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Views' logits [..., V, K] to one set of probabilities [..., K]. MMAction2: `average_clips="prob"`."""
    return np.asarray(softmax(logits).mean(axis=-2))


def top_scores(probabilities: NDArray[np.floating], labels: Sequence[str], count: int) -> list[Score]:
    """The `count` likeliest actions, likeliest first; equal probabilities keep the order of the labels."""
    if probabilities.shape != (len(labels),):
        raise ValueError(f"{len(labels)} labels do not fit probabilities of shape {probabilities.shape}")
    order = np.argsort(-probabilities, kind="stable")[:count]
    return [
        Score(rank=rank, label=labels[index], index=int(index), probability=float(probabilities[index]))
        for rank, index in enumerate(order, start=1)
    ]

"""Whether an answer holds for other frames of the video, and whether it depends on their order.

The model sees three variants of a video: as sampled, with each frame half a segment later, and as sampled in reverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clips.preprocess import ModelInput
from clips.scores import Score, average_views, top_scores
from service.backends.base import Clips

ORDER_MATTERS = 0.1
"""So much of the probability must move when time is reversed, if the likeliest action stays the same."""


@dataclass(frozen=True)
class Variant:
    """What the model makes of a variant, and its total variation distance from the answer, from 0 to 1."""

    scores: list[Score]
    distance: float
    is_same_action: bool
    """Whether the likeliest action is the answer's."""


@dataclass(frozen=True)
class Variants:
    """The answer's variants."""

    shifted: Variant
    reversed: Variant

    @property
    def is_stable(self) -> bool:
        """Whether other frames of the video give the same action."""
        return self.shifted.is_same_action

    @property
    def depends_on_order(self) -> bool:
        """Whether the reversed order gives another action, or much less of the same."""
        return not self.reversed.is_same_action or self.reversed.distance >= ORDER_MATTERS


def views_to_infer(clip: ModelInput) -> Clips:
    """The clip's views uint8 [V, T, crop, crop, 3]; all variants' [3V, ...] when it was sampled twice."""
    if clip.shifted is None:
        return clip.views
    return np.concatenate([clip.views, clip.shifted.views, clip.views[:, ::-1]])


def compare(logits: NDArray[np.float32], labels: Sequence[str], top_k: int) -> Variants:
    """Judge by the logits [3V, K] that the model gives for all variants' views."""
    sampled, shifted, backwards = average_views(logits.reshape(3, -1, len(labels)))

    def judge(probabilities: NDArray[np.float64]) -> Variant:
        return Variant(
            scores=top_scores(probabilities, labels, top_k),
            distance=_total_variation(sampled, probabilities),
            is_same_action=bool(probabilities.argmax() == sampled.argmax()),
        )

    return Variants(shifted=judge(shifted), reversed=judge(backwards))


def _total_variation(some: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    # probabilities sum to 1 up to rounding, and the distance of certain answers would exceed it
    return min(float(np.abs(some - other).sum() / 2), 1.0)

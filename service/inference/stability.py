"""Stability of a prediction under other frames of the same video, and under reversed order.

The model sees three variants of a video: as sampled, with other frames, half-way to the next ones (one clip: half a
segment later), and as sampled in reverse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clips.model_input import ModelInput
from clips.scores import Score, top_scores
from service.backends.base import Clips
from service.models.versions import LoadedModel

ORDER_MATTERS = 0.1
"""Total variation distance from which reversal counts as a change although the top-1 action stays."""


@dataclass(frozen=True)
class Variant:
    """A variant's scores, and its total variation distance from the answer, from 0 to 1."""

    scores: list[Score]
    distance: float
    is_same_action: bool
    """True if the top-1 action is the answer's."""


@dataclass(frozen=True)
class Variants:
    """The answer's variants."""

    shifted: Variant
    reversed: Variant

    @property
    def is_stable(self) -> bool:
        """True if other frames of the video give the same top-1 action."""
        return self.shifted.is_same_action

    @property
    def depends_on_order(self) -> bool:
        """True if reversed order gives another top-1 action, or moves much of the probability."""
        return not self.reversed.is_same_action or self.reversed.distance >= ORDER_MATTERS


def views_to_infer(clip: ModelInput) -> Clips:
    """The clip's views uint8 [V, T, crop, crop, 3]; all variants' [3V, ...] when it was sampled twice."""
    if clip.shifted is None:
        return clip.views
    return np.concatenate([clip.views, clip.shifted.views, clip.views[:, ::-1]])


def compare(logits: NDArray[np.float32], model: LoadedModel, top_k: int) -> Variants:
    """Compare the variants by the model's logits float32 [3V, K] for all their views."""
    sampled, shifted, backwards = model.probabilities(logits.reshape(3, -1, len(model.labels)))

    def judge(probabilities: NDArray[np.float64]) -> Variant:
        return Variant(
            scores=top_scores(probabilities, model.labels, top_k),
            distance=_total_variation(sampled, probabilities),
            is_same_action=bool(probabilities.argmax() == sampled.argmax()),
        )

    return Variants(shifted=judge(shifted), reversed=judge(backwards))


def _total_variation(some: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    # probabilities sum to 1 up to rounding, and the distance of certain answers would exceed it
    return min(float(np.abs(some - other).sum() / 2), 1.0)

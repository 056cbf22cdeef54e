"""What a model makes of a video becomes named scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clips.preprocess import ModelInput
from clips.scores import Score, average_views, top_scores
from service.backends.base import Outputs
from service.inference.stability import Variants, compare
from service.models.registry import LoadedModel

DEFAULT_TOP_K = 5


class BadTopK(ValueError):
    """More scores were asked for than the model has classes."""


@dataclass(frozen=True)
class StageTimes:
    """Wall-clock seconds of each stage."""

    decode: float
    transform: float
    infer: float


@dataclass(frozen=True)
class Prediction:
    """The answer for one video and all that it came from.

    `offsets` float32 [B, 2], in frames, and `weights` float32 [B, T, 2]: what each block interlaced by, the mean
    over the views. `variants` are there when the clip was sampled twice.
    """

    scores: list[Score]
    clip: ModelInput
    offsets: NDArray[np.float32]
    weights: NDArray[np.float32]
    seconds: StageTimes
    variants: Variants | None = None


def choose_top_k(top_k: int | None, num_classes: int) -> int:
    """How many scores to give, five when nothing was asked; raises BadTopK."""
    if top_k is None:
        return min(DEFAULT_TOP_K, num_classes)
    if not 1 <= top_k <= num_classes:
        raise BadTopK(f"top_k must be from 1 to {num_classes}, the classes of this model, not {top_k}")
    return top_k


def score(clip: ModelInput, outputs: Outputs, model: LoadedModel, top_k: int, *, infer_seconds: float) -> Prediction:
    """What the model returned for `views_to_infer(clip)` becomes the answer."""
    sampled = slice(len(clip.views))
    return Prediction(
        scores=top_scores(average_views(outputs.logits[sampled]), model.labels, top_k),
        clip=clip,
        offsets=outputs.offsets[sampled].mean(axis=0),
        weights=outputs.weights[sampled].mean(axis=0),
        variants=compare(outputs.logits, model.labels, top_k) if clip.shifted else None,
        seconds=StageTimes(clip.decode_seconds, clip.transform_seconds, infer_seconds),
    )

"""Predictions: a model's outputs for one video as named scores."""

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
    """The scores for one video, with the input and the outputs that they came from.

    `offsets` float32 [B, 2], in frames, and `weights` float32 [B, T, 2] of each interlacing block are means over the
    views. `variants` are there when the clip was sampled twice.
    """

    scores: list[Score]
    clip: ModelInput
    offsets: NDArray[np.float32]
    weights: NDArray[np.float32]
    seconds: StageTimes
    variants: Variants | None = None


def choose_top_k(top_k: int | None, num_classes: int) -> int:
    """Return the number of scores to give, by default five or all classes; raises BadTopK."""
    if top_k is None:
        return min(DEFAULT_TOP_K, num_classes)
    if not 1 <= top_k <= num_classes:
        raise BadTopK(f"top_k must be from 1 to {num_classes}, the classes of this model, not {top_k}")
    return top_k


def score(clip: ModelInput, outputs: Outputs, model: LoadedModel, top_k: int, *, infer_seconds: float) -> Prediction:
    """Build the prediction from the model's outputs for `views_to_infer(clip)`."""
    sampled = slice(len(clip.views))
    return Prediction(
        scores=top_scores(average_views(outputs.logits[sampled]), model.labels, top_k),
        clip=clip,
        offsets=outputs.offsets[sampled].mean(axis=0),
        weights=outputs.weights[sampled].mean(axis=0),
        variants=compare(outputs.logits, model.labels, top_k) if clip.shifted else None,
        seconds=StageTimes(clip.decode_seconds, clip.transform_seconds, infer_seconds),
    )

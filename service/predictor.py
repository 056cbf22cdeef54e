"""One video to named scores, in a straight line; the route and the offline command both walk it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clips.bounds import Bounds
from clips.decode import DecodedClip, decode
from clips.sampling import evaluation_indices
from clips.scores import Score, average_views, top_scores
from clips.transform import make_views
from service.registry import LoadedModel

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
    over the views.
    """

    scores: list[Score]
    clip: DecodedClip
    offsets: NDArray[np.float32]
    weights: NDArray[np.float32]
    seconds: StageTimes


def choose_top_k(top_k: int | None, num_classes: int) -> int:
    """How many scores to give, five when nothing was asked; raises BadTopK."""
    if top_k is None:
        return min(DEFAULT_TOP_K, num_classes)
    if not 1 <= top_k <= num_classes:
        raise BadTopK(f"top_k must be from 1 to {num_classes}, the classes of this model, not {top_k}")
    return top_k


def predict(video: bytes | os.PathLike[str], model: LoadedModel, top_k: int, bounds: Bounds) -> Prediction:
    """Decode, sample, transform, infer, score.

    Raises clips.errors.ClipError, InferenceFailed, and OSError for a path that cannot be read.
    """
    started = time.perf_counter()
    clip = decode(video, lambda num_frames: evaluation_indices(num_frames, model.spec.num_frames), bounds)
    decoded = time.perf_counter()
    views = make_views(clip.images, model.spec)
    transformed = time.perf_counter()
    outputs = model.backend.infer(views)
    inferred = time.perf_counter()
    return Prediction(
        scores=top_scores(average_views(outputs.logits), model.labels, top_k),
        clip=clip,
        offsets=outputs.offsets.mean(axis=0),
        weights=outputs.weights.mean(axis=0),
        seconds=StageTimes(decoded - started, transformed - decoded, inferred - transformed),
    )

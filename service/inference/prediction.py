"""Predictions: a model's outputs for one video as named scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clips.model_input import ModelInput
from clips.scores import Score, top_scores
from service.backends.base import Outputs
from service.inference.features import mean_features
from service.inference.stability import Variants, compare
from service.models.versions import LoadedModel

DEFAULT_TOP_K = 5

TopK = int | Literal["all"]
"""A number of scores from 1 on, or "all" for one per class."""


class BadTopK(ValueError):
    """The number of scores is neither a whole number from 1 on nor `all`."""


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
    views; None for a network that does not interlace. `features` float32 [D] are there when they were requested, and
    `variants` when the clip was sampled twice. `likely` is False when the top-1 probability is below the model's
    threshold, and None for a model without one.
    """

    scores: list[Score]
    clip: ModelInput
    offsets: NDArray[np.float32] | None
    weights: NDArray[np.float32] | None
    seconds: StageTimes
    features: NDArray[np.float32] | None = None
    variants: Variants | None = None
    likely: bool | None = None


def choose_top_k(top_k: TopK | None, num_classes: int) -> int:
    """Return the number of scores to give: five by default, and never more than there are classes; raises BadTopK.

    >>> choose_top_k(None, 16), choose_top_k("all", 16), choose_top_k(20, 16)
    (5, 16, 16)
    """
    if top_k == "all":
        return num_classes
    wanted = DEFAULT_TOP_K if top_k is None else top_k
    if not isinstance(wanted, int) or wanted < 1:
        raise _bad_top_k(top_k)
    return min(wanted, num_classes)


def parse_top_k(text: str | None) -> TopK | None:
    """Parse a number of scores as it is typed on a command line; raises BadTopK.

    >>> parse_top_k("3"), parse_top_k("all"), parse_top_k(None)
    (3, 'all', None)
    """
    if text is None:
        return None
    try:
        return "all" if text == "all" else int(text)
    except ValueError:
        raise _bad_top_k(text) from None


def score(
    clip: ModelInput,
    outputs: Outputs,
    model: LoadedModel,
    top_k: int,
    *,
    infer_seconds: float,
    features: bool = False,
) -> Prediction:
    """Build the prediction from the model's outputs for `views_to_infer(clip)`.

    Args:
        clip: The video's input.
        outputs: The model's outputs for all of its views.
        model: The model that ran.
        top_k: Number of scores.
        infer_seconds: Seconds that the model took.
        features: True to add the features.

    Raises NoFeatures.
    """
    sampled = slice(len(clip.views))
    scores = top_scores(model.probabilities(outputs.logits[sampled]), model.labels, top_k)
    return Prediction(
        scores=scores,
        clip=clip,
        offsets=_mean(outputs.offsets, sampled),
        weights=_mean(outputs.weights, sampled),
        features=mean_features(outputs, model, len(clip.views)) if features else None,
        variants=compare(outputs.logits, model, top_k) if clip.shifted else None,
        likely=model.is_likely(scores[0].probability),
        seconds=StageTimes(clip.decode_seconds, clip.transform_seconds, infer_seconds),
    )


def _bad_top_k(given: object) -> BadTopK:
    return BadTopK(f'top_k is a whole number from 1 on or "all", not {given!r}')


def _mean(output: NDArray[np.float32] | None, rows: slice) -> NDArray[np.float32] | None:
    return None if output is None else output[rows].mean(axis=0)

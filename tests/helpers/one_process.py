"""Prediction by the product's own steps in one process, without worker processes, batches or a server."""

from __future__ import annotations

import time

from clips.decoding.limits import DecodeLimits
from clips.preprocess import preprocess
from service.inference.prediction import Prediction, score
from service.inference.stability import views_to_infer
from service.models.versions import LoadedModel


def predict(
    video: bytes, model: LoadedModel, top_k: int, limits: DecodeLimits, *, stability: bool = False
) -> Prediction:
    """Decode, sample, transform, infer, score; with `stability` for the variants too."""
    clip = preprocess(video, model.spec, limits, shifted=stability)
    started = time.perf_counter()
    outputs = model.backend.infer(views_to_infer(clip))
    return score(clip, outputs, model, top_k, infer_seconds=time.perf_counter() - started)

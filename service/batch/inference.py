"""Batch inference: decoded videos become results."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from service.api.schemas.presenters import answer, timing_ms
from service.backends.base import BackendError, infer_together
from service.batch.decoding import Decoded
from service.batch.request import PredictOptions
from service.batch.results.result import Answer, Result, failure
from service.inference.prediction import score
from service.inference.stability import views_to_infer
from service.models.versions import LoadedModel


def infer_each(videos: Sequence[Decoded], model: LoadedModel, options: PredictOptions) -> list[Result]:
    """Run the model on decoded videos, in batches of its backend's size; one result for each, in order.

    When the backend fails, every video of the batch has failed. Raises NoFeatures.
    """
    return [result for batch in _batches(videos, model) for result in _answer_batch(batch, model, options)]


def _batches(videos: Sequence[Decoded], model: LoadedModel) -> Iterator[Sequence[Decoded]]:
    clips_each = len(views_to_infer(videos[0].clip)) if videos else 1
    size = max(1, model.backend.max_batch_size // clips_each)
    return (videos[start : start + size] for start in range(0, len(videos), size))


def _answer_batch(videos: Sequence[Decoded], model: LoadedModel, options: PredictOptions) -> Iterator[Result]:
    started = time.perf_counter()
    try:
        outputs = infer_together(model.backend, [views_to_infer(video.clip) for video in videos])
    except BackendError as error:
        yield from (failure(video.file, error) for video in videos)
        return
    seconds = time.perf_counter() - started
    for video, part in zip(videos, outputs, strict=True):
        prediction = score(video.clip, part, model, options.top_k, infer_seconds=seconds, features=options.features)
        spent = asdict(prediction.seconds)
        timing = timing_ms({**spent, "total": sum(spent.values())})
        response = answer(prediction, model, size_bytes=video.size_bytes, timing=timing, part=options.part)
        yield Answer(video.file, response)

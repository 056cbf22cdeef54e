"""The outcomes of videos in this process, one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from clips.bounds import Bounds
from service.answer import answer, timing_ms
from service.offline.outcome import Answered, Outcome, failure
from service.offline.question import Question
from service.predictor import predict
from service.registry import LoadedModel
from service.schemas import PredictionResponse


def outcomes(videos: Iterable[Path], model: LoadedModel, question: Question, bounds: Bounds) -> Iterator[Outcome]:
    """One for each video, in their order; `model` is the question's."""
    for video in videos:
        try:
            yield Answered(str(video), _answer(video, model, question, bounds))
        except Exception as error:
            yield failure(str(video), error)


def _answer(video: Path, model: LoadedModel, question: Question, bounds: Bounds) -> PredictionResponse:
    started = time.perf_counter()
    prediction = predict(video, model, question.top_k, bounds, stability=question.stability)
    timing = timing_ms(prediction.seconds, total_seconds=time.perf_counter() - started)
    return answer(prediction, model, size_bytes=video.stat().st_size, timing=timing)

"""What the actors of a cluster do with their share of the videos; needs no Ray, which is an extra.

They get and return columns of rows. Ray Data carries objects through a column by pickling them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clips.spec import ClipSpec
from service.answer import answer, timing_ms
from service.backends.base import BackendError
from service.backends.together import infer_together
from service.decoder import Decoder
from service.offline.outcome import Answered, Failed, Outcome, failure
from service.offline.question import Question
from service.predictor import score
from service.preprocess import ModelInput
from service.ray_process import forget_main
from service.registry import LoadedModel, load
from service.selection import Machine
from service.settings import Settings
from service.stability import views_to_infer
from service.store import ModelStore, StoredModel

Batch = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Decoded:
    """A video that awaits the model."""

    file: str
    size_bytes: int
    clip: ModelInput


class Decoding:
    """Column `file`, of names as bytes, becomes `decoded`, of Decoded | Failed; relative ones are in `folder`."""

    def __init__(self, question: Question, settings: Settings, folder: Path) -> None:
        self._question = question
        self._settings = settings
        self._folder = folder
        self._bounds = settings.bounds()
        self._decoder: Decoder | None = None

    def __call__(self, batch: Batch) -> Batch:
        return {"decoded": _column([self._decode(os.fsdecode(file)) for file in batch["file"]])}

    def _decode(self, file: str) -> Decoded | Failed:
        video = self._folder / file
        try:
            with video.open("rb"):  # the child would not say what the system has against it
                size_bytes = video.stat().st_size
            clip = self._living_decoder().preprocess(
                video, self._spec, self._bounds, thumbnails=False, shifted=self._question.stability
            )
        except Exception as error:
            return failure(file, error)
        return Decoded(file, size_bytes, clip)

    # Not in the constructor: Ray would try that again and again, and tell every time.
    @cached_property
    def _spec(self) -> ClipSpec:
        return _stored_model(self._question, self._settings).manifest.clip

    def _living_decoder(self) -> Decoder:
        if self._decoder is None or not self._decoder.is_alive:
            if self._decoder:
                self._decoder.close()
            forget_main()
            self._decoder = Decoder(self._settings.max_decoder_bytes)
        return self._decoder


class Answering:
    """Column `decoded` becomes `outcome`, of Answered | Failed."""

    def __init__(self, question: Question, settings: Settings) -> None:
        self._question = question
        self._settings = settings

    @cached_property
    def _model(self) -> LoadedModel:
        return load(_stored_model(self._question, self._settings), self._settings, Machine.here())

    def __call__(self, batch: Batch) -> Batch:
        decoded = [each for each in batch["decoded"] if isinstance(each, Decoded)]
        failed: list[Outcome] = [each for each in batch["decoded"] if isinstance(each, Failed)]
        answered = [outcome for some in self._batches(decoded) for outcome in self._answer(some)]
        return {"outcome": _column(failed + answered)}

    def _batches(self, decoded: Sequence[Decoded]) -> Iterator[Sequence[Decoded]]:
        clips_each = len(views_to_infer(decoded[0].clip)) if decoded else 1
        size = max(1, self._model.backend.max_batch_size // clips_each)
        return (decoded[start : start + size] for start in range(0, len(decoded), size))

    def _answer(self, decoded: Sequence[Decoded]) -> Iterator[Outcome]:
        started = time.perf_counter()
        try:
            outputs = infer_together(self._model.backend, [views_to_infer(each.clip) for each in decoded])
        except BackendError as error:
            yield from (failure(each.file, error) for each in decoded)
            return
        seconds = time.perf_counter() - started
        for each, part in zip(decoded, outputs, strict=True):
            prediction = score(each.clip, part, self._model, self._question.top_k, infer_seconds=seconds)
            timing = timing_ms(prediction.seconds, total_seconds=sum(astuple(prediction.seconds)))
            yield Answered(each.file, answer(prediction, self._model, size_bytes=each.size_bytes, timing=timing))


class DecodingAndAnswering:
    """Both on one core: column `file` becomes `outcome`."""

    def __init__(self, question: Question, settings: Settings, folder: Path) -> None:
        self._decode = Decoding(question, settings, folder)
        self._answer = Answering(question, settings)

    def __call__(self, batch: Batch) -> Batch:
        return self._answer(self._decode(batch))


def _stored_model(question: Question, settings: Settings) -> StoredModel:
    """As this node has it; raises StoreError."""
    return ModelStore(settings.model_store).open(question.model, question.version)


def _column(values: Sequence[object]) -> NDArray[Any]:
    """One object a row: numpy would look for a shape in them."""
    column = np.empty(len(values), object)
    column[:] = values
    return column

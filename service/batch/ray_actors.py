"""Actors of a Ray cluster that decode and predict videos; this module does not need Ray, which is an extra.

They take and return rows as columns; Ray Data pickles the objects in a column. Decoder and model are made with the
first rows: Ray repeats a constructor that fails for ever.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.batch.decoding import Decoded, FileDecoder
from service.batch.inference import infer_each
from service.batch.request import PredictOptions
from service.batch.results.result import Failed
from service.batch.timelines.answer import TimelineResult
from service.batch.timelines.input_video import InputVideo
from service.batch.timelines.local import each_timeline
from service.batch.timelines.options import TimelineOptions
from service.config.settings import Settings
from service.decoding.process import detach_main_module
from service.models.capabilities import Capabilities
from service.models.loading import load
from service.models.local_store import local_store
from service.models.versions import LoadedModel
from service.store.model_store import ModelStore, StoredModel

Columns = dict[str, NDArray[Any]]


class DecodeActor:
    """Turns column `file`, names as bytes, into `decoded`: Decoded | Failed. Relative names begin in `folder`."""

    def __init__(self, options: PredictOptions, settings: Settings, folder: Path) -> None:
        self._options = options
        self._settings = settings
        self._folder = folder

    def __call__(self, batch: Columns) -> Columns:
        names = map(os.fsdecode, batch["file"])
        return {"decoded": _column([self._decoder.decode(name, self._folder) for name in names])}

    @cached_property
    def _decoder(self) -> FileDecoder:
        detach_main_module()
        spec = _stored_model(self._options, self._settings).manifest.clip
        bounds, max_memory_bytes = self._settings.decode_limits(), self._settings.max_decoder_bytes
        shifted, part = self._options.stability, self._options.part
        return FileDecoder(spec, bounds, max_memory_bytes, shifted=shifted, part=part)


class InferActor:
    """Turns column `decoded` into `result`: Answer | Failed."""

    def __init__(self, options: PredictOptions, settings: Settings) -> None:
        self._options = options
        self._settings = settings

    def __call__(self, batch: Columns) -> Columns:
        decoded = [video for video in batch["decoded"] if isinstance(video, Decoded)]
        failed = [video for video in batch["decoded"] if isinstance(video, Failed)]
        return {"result": _column([*failed, *infer_each(decoded, self._model, self._options)])}

    @cached_property
    def _model(self) -> LoadedModel:
        return _load(self._options, self._settings)


class DecodeAndInferActor:
    """Decodes and predicts on one core: turns column `file` into `result`."""

    def __init__(self, options: PredictOptions, settings: Settings, folder: Path) -> None:
        self._decode = DecodeActor(options, settings, folder)
        self._answer = InferActor(options, settings)

    def __call__(self, batch: Columns) -> Columns:
        return self._answer(self._decode(batch))


class TimelineActor:
    """Makes timelines, one after the other: turns column `file` into `result`: Answer | Failed."""

    def __init__(self, options: TimelineOptions, settings: Settings, folder: Path) -> None:
        self._options = options
        self._settings = settings
        self._folder = folder

    def __call__(self, batch: Columns) -> Columns:
        return {"result": _column([self._timeline(os.fsdecode(name)) for name in batch["file"]])}

    def _timeline(self, name: str) -> TimelineResult:
        plan = self._options.plan(self._model, self._settings.max_windows)
        (result,) = each_timeline([InputVideo(self._folder / name)], self._model, plan, self._settings)
        return replace(result, file=name)

    @cached_property
    def _model(self) -> LoadedModel:
        detach_main_module()
        return _load(self._options, self._settings)


def _load(options: PredictOptions | TimelineOptions, settings: Settings) -> LoadedModel:
    """Load the model as it suits this node; raises StoreError and BackendError."""
    return load(_stored_model(options, settings), settings, Capabilities.detect(settings.devices()))


def _stored_model(options: PredictOptions | TimelineOptions, settings: Settings) -> StoredModel:
    """Open the model in this node's store; raises StoreError."""
    return ModelStore(local_store(settings).model_store).open(options.model, options.version)


def _column(values: Sequence[object]) -> NDArray[Any]:
    """Make a column with one object per row; `np.array` would try to make a matrix of them."""
    column = np.empty(len(values), object)
    column[:] = values
    return column

"""Metrics for Prometheus, read at /metrics: each measurement under one name, in base units.

No label holds anything that a client chose: outcomes are `ok`, `abandoned` and the slugs of the service's problems,
stages are the service's own, and models, versions and actions are the store's. The series of a version end when it is
no longer loaded; requests that reached no model have the empty name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from service.telemetry.model_metrics import NO_MODEL, ModelFamilies, ModelKey, ModelSeries
from service.telemetry.run_statistics import Run, RunStatistics

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_BYTES = (1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9)
_FRAMES = (8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384)


class ModelLabels(NamedTuple):
    """The labels of `tin_model_info`.

    `digest` is `sha256:<hexadecimal>` of the artifact that runs, `device` where, as in TIN_DEVICE: cpu, or GPUs such as
    cuda:0,cuda:1; empty where a server runs it.
    """

    name: str
    version: str
    artifact: str
    digest: str
    device: str


class Metrics:
    """The measurements of one application; another application has its own.

    Args:
        drift: Also measure the answers of each model: top-1 labels and their probabilities.
    """

    def __init__(self, *, drift: bool = False) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._families = ModelFamilies(registry, drift=drift)
        self._series: dict[ModelKey, ModelSeries] = {}
        self.runs = RunStatistics()
        self._queue_capacity = Gauge("tin_queue_capacity", "Most requests waiting or in work.", registry=registry)
        self._upload_bytes = Histogram(
            "tin_upload_bytes", "Sizes of request bodies that were read.", buckets=_BYTES, registry=registry
        )
        self._frames_decoded = Histogram(
            "tin_frames_decoded", "Frames decoded for a video's answer.", buckets=_FRAMES, registry=registry
        )
        self._trainings = Counter(
            "tin_trainings_total",
            "Trainings that the page /teach started, by their end.",
            ["status"],
            registry=registry,
        )
        self._model_info = Gauge(
            "tin_model_info", "Models that answer; always 1.", list(ModelLabels._fields), registry=registry
        )

    def end_training(self, status: str) -> None:
        """Count one training that the page started; `status` is `done`, `failed` or `cancelled`."""
        self._trainings.labels(status).inc()

    def end_request(self, outcome: str, model: ModelKey = NO_MODEL) -> None:
        """Count one request; `outcome` is one of a fixed set of words."""
        self._of(model).requests(outcome).inc()

    def observe_upload(self, num_bytes: int) -> None:
        """Record the size of a body that was read whole."""
        self._upload_bytes.observe(num_bytes)

    def observe_decoding(self, num_frames: int) -> None:
        """Record the number of frames that were decoded for one video's answer."""
        self._frames_decoded.observe(num_frames)

    def observe_stages(self, model: ModelKey, seconds: Mapping[str, float]) -> None:
        """Record an answered request's wall-clock seconds, by stage."""
        for stage, spent in seconds.items():
            self._of(model).stage_duration(stage).observe(spent)

    def observe_run(self, run: Run) -> None:
        """Record one run of a model."""
        self.observe_batch(run.model, sum(run.num_clips))
        self.runs.add(run)

    def observe_batch(self, model: ModelKey, num_clips: int) -> None:
        """Record the number of clips of one run of a model."""
        self._of(model).batch_size.observe(num_clips)

    def observe_answer(self, model: ModelKey, label: str, probability: float) -> None:
        """Record the most probable action of an answer, where drift is measured."""
        if self._families.answers is not None:
            self._families.answers.observe(model, label, probability)

    def queued(self, model: ModelKey) -> AbstractContextManager[object]:
        """Count a request as waiting or in work for as long as the block runs."""
        return self._of(model).queue_depth.track_inprogress()

    def set_queue_capacity(self, capacity: int) -> None:
        """Record the most requests that may wait or be in work."""
        self._queue_capacity.set(capacity)

    def render(self, models: Iterable[ModelLabels]) -> bytes:
        """Return the text that Prometheus reads; `models` are those that are loaded."""
        self._model_info.clear()
        loaded = {NO_MODEL}
        for model in models:
            self._model_info.labels(*model).set(1)
            loaded.add((model.name, model.version))
            self.queued((model.name, model.version))  # an idle model's queue is 0, not unknown
        for key in self._series.keys() - loaded:
            del self._series[key]
            self._families.remove(key)
        self.runs.keep(loaded)
        return generate_latest(self._registry)

    def _of(self, model: ModelKey) -> ModelSeries:
        series = self._series.get(model)
        if series is None:
            series = self._series[model] = ModelSeries(self._families, model)
        return series

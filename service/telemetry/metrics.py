"""Metrics for Prometheus, read at /metrics: each measurement under one name, in base units.

No label holds anything that a client chose: outcomes are `ok`, `abandoned` and the slugs of the service's problems,
stages are the service's own, and models are the store's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BYTES = (1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9)
_FRAMES = (8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384)
_CLIPS = (1, 2, 4, 8, 16, 32, 64)


class ModelLabels(NamedTuple):
    """The labels of `tin_model_info`; `digest` is `sha256:<hexadecimal>` of the artifact that runs."""

    name: str
    version: str
    artifact: str
    digest: str


class Metrics:
    """The measurements of one application; another application has its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "tin_requests_total", "Requests that posted something, by outcome.", ["outcome"], registry=registry
        )
        self._stage_duration = Histogram(
            "tin_stage_duration_seconds",
            "Wall-clock time of each stage of an answered request; total also holds what lies between them.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._queue_depth = Gauge("tin_queue_depth", "Requests waiting or in work.", registry=registry)
        self._queue_capacity = Gauge("tin_queue_capacity", "Most requests waiting or in work.", registry=registry)
        self._batch_size = Histogram(
            "tin_batch_size", "Clips in one run of a model.", buckets=_CLIPS, registry=registry
        )
        self._upload_bytes = Histogram(
            "tin_upload_bytes", "Sizes of request bodies that were read.", buckets=_BYTES, registry=registry
        )
        self._frames_decoded = Histogram(
            "tin_frames_decoded", "Frames decoded for a video's answer.", buckets=_FRAMES, registry=registry
        )
        self._model_info = Gauge(
            "tin_model_info", "Models that answer; always 1.", list(ModelLabels._fields), registry=registry
        )

    def end_request(self, outcome: str) -> None:
        """Count one request; `outcome` is one of a fixed set of words."""
        self._requests.labels(outcome).inc()

    def observe_upload(self, num_bytes: int) -> None:
        """Record the size of a body that was read whole."""
        self._upload_bytes.observe(num_bytes)

    def observe_decoding(self, num_frames: int) -> None:
        """Record the number of frames that were decoded for one video's answer."""
        self._frames_decoded.observe(num_frames)

    def observe_stages(self, seconds: Mapping[str, float]) -> None:
        """Record an answered request's wall-clock seconds, by stage."""
        for stage, spent in seconds.items():
            self._stage_duration.labels(stage).observe(spent)

    def observe_batch(self, num_clips: int) -> None:
        """Record the number of clips of one run of a model."""
        self._batch_size.observe(num_clips)

    def watch_queue(self, depth: Callable[[], float], capacity: int) -> None:
        """Call `depth` for the number of requests, at most `capacity`, whenever the metrics are read."""
        self._queue_capacity.set(capacity)
        self._queue_depth.set_function(depth)

    def render(self, models: Iterable[ModelLabels]) -> bytes:
        """Return the text that Prometheus reads; `models` are those that are loaded."""
        self._model_info.clear()
        for model in models:
            self._model_info.labels(*model).set(1)
        return generate_latest(self._registry)

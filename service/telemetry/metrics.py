"""What Prometheus reads at /metrics: everything that is measured, by one name each, in base units.

No label holds anything that a client chose: outcomes are `ok`, `abandoned` and the slugs of our problems, stages are
ours, and models are the store's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from service.api.schemas.predict import InferTiming, Timing
from service.models.registry import LoadedModel

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BYTES = (1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9)
_FRAMES = (8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384)
_CLIPS = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The measurements of one application; another has others."""

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
        self._queue_depth = Gauge("tin_queue_depth", "Requests that wait or are worked on.", registry=registry)
        self._queue_capacity = Gauge("tin_queue_capacity", "The most that are let wait.", registry=registry)
        self._batch_size = Histogram(
            "tin_batch_size", "Clips that the model ran on at once.", buckets=_CLIPS, registry=registry
        )
        self._upload_bytes = Histogram(
            "tin_upload_bytes", "Sizes of what was sent to be predicted.", buckets=_BYTES, registry=registry
        )
        self._frames_decoded = Histogram(
            "tin_frames_decoded", "Frames that a video's answer took to decode.", buckets=_FRAMES, registry=registry
        )
        labels = ["name", "version", "artifact", "digest"]
        self._model_info = Gauge("tin_model_info", "Models that answer; always 1.", labels, registry=registry)

    def end_request(self, outcome: str) -> None:
        """Count one request; `outcome` is one of a fixed set of words."""
        self._requests.labels(outcome).inc()

    def observe_upload(self, num_bytes: int) -> None:
        """A body came in whole."""
        self._upload_bytes.observe(num_bytes)

    def observe_decoding(self, num_frames: int) -> None:
        """A video's sampled frames were decoded, by way of so many."""
        self._frames_decoded.observe(num_frames)

    def observe_stages(self, timing: Timing | InferTiming) -> None:
        """A request was answered in these times."""
        for stage, milliseconds in timing.model_dump(exclude_none=True).items():
            self._stage_duration.labels(stage).observe(milliseconds / 1000)

    def observe_batch(self, num_clips: int) -> None:
        """The model is run on so many clips at once."""
        self._batch_size.observe(num_clips)

    def watch_queue(self, depth: Callable[[], float], capacity: int) -> None:
        """Ask `depth` how many of at most `capacity` wait, whenever the metrics are read."""
        self._queue_capacity.set(capacity)
        self._queue_depth.set_function(depth)

    def render(self, models: Iterable[object]) -> bytes:
        """The text that Prometheus reads; of `models`, those that are loaded are named in it."""
        self._model_info.clear()
        for model in models:
            if isinstance(model, LoadedModel):
                self._model_info.labels(model.name, model.version, model.artifact, f"sha256:{model.digest}").set(1)
        return generate_latest(self._registry)

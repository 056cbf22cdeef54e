"""Metrics of each model version: requests, stages, batches, queue and, where drift is measured, answers."""

from __future__ import annotations

from functools import cache, cached_property

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ModelKey = tuple[str, str]
"""Name and version of a model."""

NO_MODEL: ModelKey = ("", "")
"""Key of requests that reached no model."""

_OF_MODEL = ["model", "version"]
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_CLIPS = (1, 2, 4, 8, 16, 32, 64)
_PROBABILITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class ModelFamilies:
    """The metrics that have series of each version. Answers are measured only with `drift`: their families are None."""

    def __init__(self, registry: CollectorRegistry, *, drift: bool) -> None:
        self.requests = Counter(
            "tin_requests_total",
            "Requests that posted something, by outcome; the model is empty where none was reached.",
            ["outcome", *_OF_MODEL],
            registry=registry,
        )
        self.stage_duration = Histogram(
            "tin_stage_duration_seconds",
            "Wall-clock time of each stage of an answered request; total also holds what lies between them.",
            ["stage", *_OF_MODEL],
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_size = Histogram(
            "tin_batch_size", "Clips in one run of a model.", _OF_MODEL, buckets=_CLIPS, registry=registry
        )
        self.queue_depth = Gauge("tin_queue_depth", "Requests waiting or in work.", _OF_MODEL, registry=registry)
        self.answers = AnswerFamilies(registry) if drift else None

    def remove(self, model: ModelKey) -> None:
        """End all series of a version."""
        answers = (self.answers.top1, self.answers.probability) if self.answers else ()
        for family in (self.requests, self.stage_duration, self.batch_size, self.queue_depth, *answers):
            family.remove_by_labels(dict(zip(_OF_MODEL, model, strict=True)))


class AnswerFamilies:
    """The metrics of answers, whose drift they show; a version has at most one series for each of its labels."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.top1 = Counter(
            "tin_top1_total", "Answers by their most probable action.", ["label", *_OF_MODEL], registry=registry
        )
        self.probability = Histogram(
            "tin_top1_probability",
            "Probability of each answer's most probable action.",
            _OF_MODEL,
            buckets=_PROBABILITIES,
            registry=registry,
        )

    def observe(self, model: ModelKey, label: str, probability: float) -> None:
        """Record one answer."""
        self.top1.labels(label, *model).inc()
        self.probability.labels(*model).observe(probability)


class ModelSeries:
    """The series of one version, each looked up by its labels once only: that costs more than the measurement."""

    def __init__(self, families: ModelFamilies, model: ModelKey) -> None:
        self._families = families
        self._model = model
        self.requests = cache(lambda outcome: families.requests.labels(outcome, *model))
        self.stage_duration = cache(lambda stage: families.stage_duration.labels(stage, *model))

    @cached_property
    def batch_size(self) -> Histogram:
        """Clips in one run of the model."""
        return self._families.batch_size.labels(*self._model)

    @cached_property
    def queue_depth(self) -> Gauge:
        """Requests waiting or in work."""
        return self._families.queue_depth.labels(*self._model)

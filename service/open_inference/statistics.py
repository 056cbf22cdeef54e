"""Statistics of models in the form of the protocol's Statistics extension."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, Field

from service.models.versions import LoadedModel
from service.telemetry.run_statistics import Duration, RunStatistics, Stages, VersionStatistics


class DurationStatistic(BaseModel):
    """A number of measurements and their sum in nanoseconds."""

    count: int = 0
    ns: int = 0


class InferenceStatistics(BaseModel):
    """Durations of requests; `success` is the sum of `queue` and the three `compute_`. There is no cache."""

    success: DurationStatistic
    fail: DurationStatistic
    queue: DurationStatistic
    compute_input: DurationStatistic
    compute_infer: DurationStatistic
    compute_output: DurationStatistic
    cache_hit: DurationStatistic = DurationStatistic()
    cache_miss: DurationStatistic = DurationStatistic()


class BatchStatistics(BaseModel):
    """Durations of the runs of so many clips."""

    batch_size: int
    compute_input: DurationStatistic
    compute_infer: DurationStatistic
    compute_output: DurationStatistic


class VersionStatisticsResponse(BaseModel):
    """The statistics of one version."""

    name: str
    version: str
    last_inference: int = Field(description="Unix time in milliseconds; 0 before the first")
    inference_count: int = Field(description="Clips of all runs that did not fail")
    execution_count: int = Field(description="Runs that did not fail")
    inference_stats: InferenceStatistics
    batch_stats: list[BatchStatistics]


class StatisticsResponse(BaseModel):
    """The statistics of loaded versions since they were first run."""

    model_stats: list[VersionStatisticsResponse]


def describe_statistics(models: Iterable[LoadedModel], runs: RunStatistics) -> StatisticsResponse:
    """The statistics of these versions."""
    return StatisticsResponse(model_stats=[_describe(model, runs.of(model.key)) for model in models])


def _describe(model: LoadedModel, runs: VersionStatistics) -> VersionStatisticsResponse:
    return VersionStatisticsResponse(
        name=model.name,
        version=model.version,
        last_inference=int(runs.last_run_at * 1000),
        inference_count=runs.num_clips,
        execution_count=runs.num_runs,
        inference_stats=InferenceStatistics(
            success=_duration(runs.success),
            fail=_duration(runs.fail),
            queue=_duration(runs.queue),
            **_stages(runs.stages),
        ),
        batch_stats=[
            BatchStatistics(batch_size=size, **_stages(stages)) for size, stages in sorted(runs.batches.items())
        ],
    )


def _stages(stages: Stages) -> dict[str, DurationStatistic]:
    return {
        "compute_input": _duration(stages.input),
        "compute_infer": _duration(stages.infer),
        "compute_output": _duration(stages.output),
    }


def _duration(duration: Duration) -> DurationStatistic:
    return DurationStatistic(count=duration.count, ns=duration.ns)

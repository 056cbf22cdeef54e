"""Statistics of the runs of each model version: counts, and nanoseconds by stage, which add up.

A request of a run takes the time that it waited, and then all of the run's: input, model and output. So the times of
requests add up to more than those of runs where several requests share one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from service.telemetry.model_metrics import ModelKey


@dataclass(frozen=True)
class Run:
    """One run of a model on the clips of one or more requests, or one call of the server that runs it."""

    model: ModelKey
    num_clips: tuple[int, ...]
    """Of each request."""
    queue_ns: tuple[int, ...]
    """Of each request: from its arrival to the start of the run."""
    input_ns: int
    """Joining the requests' clips."""
    infer_ns: int
    output_ns: int
    """Splitting the outputs among the requests."""
    ended_at: float
    """Unix time in seconds."""
    failed: bool = False

    @property
    def total_ns(self) -> int:
        """All of the run, without the waiting."""
        return self.input_ns + self.infer_ns + self.output_ns


@dataclass
class Duration:
    """A number of measurements and their sum in nanoseconds."""

    count: int = 0
    ns: int = 0

    def add(self, nanoseconds: int, times: int = 1) -> None:
        """Count a measurement, or as many as `times` of the same length."""
        self.count += times
        self.ns += nanoseconds * times


@dataclass
class Stages:
    """Durations of a run's stages."""

    input: Duration = field(default_factory=Duration)
    infer: Duration = field(default_factory=Duration)
    output: Duration = field(default_factory=Duration)

    def add(self, run: Run, times: int = 1) -> None:
        """Count the run's stages, once for each of `times` requests."""
        self.input.add(run.input_ns, times)
        self.infer.add(run.infer_ns, times)
        self.output.add(run.output_ns, times)


@dataclass
class VersionStatistics:
    """The runs of one version since it was first run."""

    success: Duration = field(default_factory=Duration)
    """Of requests: `queue` and the three `stages`."""
    fail: Duration = field(default_factory=Duration)
    queue: Duration = field(default_factory=Duration)
    stages: Stages = field(default_factory=Stages)
    """Of requests."""
    batches: dict[int, Stages] = field(default_factory=dict)
    """Of runs, by their number of clips."""
    last_run_at: float = 0.0
    """Unix time in seconds; 0 before the first."""

    @property
    def num_clips(self) -> int:
        """Clips of all runs that did not fail."""
        return sum(size * stages.infer.count for size, stages in self.batches.items())

    @property
    def num_runs(self) -> int:
        """Runs that did not fail."""
        return sum(stages.infer.count for stages in self.batches.values())

    def add(self, run: Run) -> None:
        """Count one run."""
        self.last_run_at = run.ended_at
        outcome = self.fail if run.failed else self.success
        for queue_ns in run.queue_ns:
            outcome.add(queue_ns + run.total_ns)
        if run.failed:
            return
        for queue_ns in run.queue_ns:
            self.queue.add(queue_ns)
        self.stages.add(run, times=len(run.num_clips))
        self.batches.setdefault(sum(run.num_clips), Stages()).add(run)


class RunStatistics:
    """The statistics of every version that was run."""

    def __init__(self) -> None:
        self._of: dict[ModelKey, VersionStatistics] = {}

    def add(self, run: Run) -> None:
        """Count one run."""
        self._of.setdefault(run.model, VersionStatistics()).add(run)

    def of(self, model: ModelKey) -> VersionStatistics:
        """Return the statistics of a version; zeros for one that was never run."""
        return self._of.get(model) or VersionStatistics()

    def keep(self, models: Collection[ModelKey]) -> None:
        """Forget all versions but these."""
        self._of = {key: found for key, found in self._of.items() if key in models}

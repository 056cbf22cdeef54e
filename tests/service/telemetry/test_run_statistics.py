"""Statistics of runs: requests that share one, failures, and versions that are gone."""

from __future__ import annotations

from service.telemetry.run_statistics import Duration, Run, RunStatistics

MODEL = ("colours", "1")


def _run(*, failed: bool = False) -> Run:
    return Run(MODEL, (1, 2), (5, 7), input_ns=10, infer_ns=100, output_ns=1, ended_at=60.0, failed=failed)


def test_each_request_takes_all_of_its_run() -> None:
    statistics = RunStatistics()
    statistics.add(_run())
    found = statistics.of(MODEL)
    assert (found.success, found.queue) == (Duration(2, 234), Duration(2, 12))
    assert (found.stages.input, found.stages.infer, found.stages.output) == (
        Duration(2, 20),
        Duration(2, 200),
        Duration(2, 2),
    )
    assert (found.num_clips, found.num_runs, found.last_run_at) == (3, 1, 60.0)
    assert found.batches[3].infer == Duration(1, 100)


def test_a_run_that_failed_counts_as_failed_requests_only() -> None:
    statistics = RunStatistics()
    statistics.add(_run(failed=True))
    found = statistics.of(MODEL)
    assert (found.fail, found.success, found.batches) == (Duration(2, 234), Duration(), {})


def test_versions_that_are_gone_are_forgotten() -> None:
    statistics = RunStatistics()
    statistics.add(_run())
    statistics.keep({("colours", "2")})
    assert statistics.of(MODEL).num_runs == 0

"""Cores that feed a GPU, computed from the CPU time of a decode and of the rest of a request."""

from tests.benchmarks.tables.feeding import KINDS, cores


def test_cores_are_the_rate_times_the_cpu_time_over_the_utilisation():
    decoding = {"videos": [{"name": name, "median_ms": {"ours": 18.0}} for name in KINDS]}
    rows = cores(decoding, {"stages": {"http": 1.0, "decoder": 2.0}}).splitlines()[2:]
    assert len(rows) == len(KINDS)
    assert {row.split(" | ", 1)[1] for row in rows} == {"18 ms | 15 cores | 30 cores | 90 cores |"}

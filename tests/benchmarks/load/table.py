"""Tables of `make load`: rates and latencies, and the CPU time of the server's stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.benchmarks.tables.markdown import table

Results = Mapping[str, Any]

STAGES = {
    "http": "HTTP: sockets, parser, body",
    "application": "application: middleware, routes, admission, answer, log, metrics",
    "batch": "batch: the batcher and its thread",
    "decoder": "decoder: the video to a worker, the views back",
}

BESIDES = "CPU besides the bare loop's, ms"
"""A goal's name in the results."""


def rates(results: Results) -> str:
    """Return a row for each load: answers and rejections, their latencies, and CPU time of server and clients."""
    heading = ("", "video/s", "p50 ms", "p99 ms", "rejected", "p99 ms", "CPU ms: server", "clients")
    return table(heading, _rates(results))


def _rates(results: Results) -> Iterator[tuple[str, ...]]:
    for name, bare in results["bare"].items():
        yield (name, f"{bare['rate']:.1f}", "", "", "", "", f"{bare['milliseconds']:.1f}", "")
    for name, load in (results["loads"] | results.get("floors", {})).items():
        rejections = (f"{load['num_rejected']:,}", f"{load['rejected_p99_ms']:.0f}")
        latencies = (f"{load['p50_ms']:.0f}", f"{load['p99_ms']:.0f}")
        cpu = (f"{load['server_ms']:.1f}", f"{load['client_ms']:.1f}")
        yield (name, f"{load['rate']:,.1f}", *latencies, *(rejections if load["num_rejected"] else ("", "")), *cpu)


def goals(results: Results) -> str:
    """Return a row for each goal; `least handler` has what the service that does the least reaches."""
    floor = results.get("floor", {})
    least = {"gateway / bare loop": floor.get("ratio"), BESIDES: floor.get("besides_ms")}
    heading = ("", "measured", "least handler", "goal", "met")
    return table(heading, (_goal(goal, least.get(goal["name"])) for goal in results["goals"]))


def _goal(goal: Mapping[str, Any], least: float | None) -> tuple[str, ...]:
    bound = f"at {'least' if goal['is_lower_bound'] else 'most'} {goal['bound']:g}"
    floor = "" if least is None else f"{least:.3g}"
    return (goal["name"], f"{goal['value']:.3g}", floor, bound, "yes" if goal["is_met"] else "no")


def stages(results: Results) -> str:
    """Return a row for each stage of the server, and for what is more under load; they sum up to the goal's figure."""
    rows = [(STAGES[name], f"{spent:.2f}") for name, spent in results["stages"].items()]
    besides = next(goal["value"] for goal in results["goals"] if goal["name"] == BESIDES)
    rest = besides - sum(results["stages"].values())
    busy = f"load average {results['machine']['load'][0]:.0f}"
    rows += [("what these, decoding and inference take more under load", f"{rest:.2f}"), ("all", f"{besides:.2f}")]
    return table(("stage", f"CPU ms ({busy})"), rows)

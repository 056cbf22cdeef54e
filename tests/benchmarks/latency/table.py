"""Table of `make bench-latency`: milliseconds to the answer for a video alone, on one core and on two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.latency.figures import ONE_CORE, ONE_THREAD, TWO_CORES
from tests.benchmarks.tables.markdown import table

SERVICES = (ONE_CORE, ONE_THREAD, TWO_CORES)


def alone(results: Mapping[str, Any]) -> str:
    """Return a row for each clip: the times, by how much two cores are faster than one, and the most there is."""
    goals = {goal["name"].partition(":")[0]: goal for goal in results["goals"] if "core" in goal["name"]}
    rows = (
        (
            clip,
            *(f"{times[name]:.0f} ms" for name in SERVICES),
            _ratio(goals[clip]["value"]),
            _ratio(goals[clip].get("most")),
        )
        for clip, times in results["milliseconds"].items()
    )
    return table(("clip", *SERVICES, "one core / two", "at most"), rows)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"

"""Table of `make bench-export`: milliseconds of each graph, and the goals of their ratios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.tables.markdown import table

GRAPHS = {
    "exported": "exported, fp32",
    "exported, no interlace": "the same without interlacing",
    "torch eager": "torch eager, plain model",
    "einsum export": "plain export, with einsum",
    "int8": "exported, int8",
}


def graphs(results: Mapping[str, Any]) -> str:
    """Return a row for each graph, with the goal that it is a part of."""
    rows = ((title, f"{results['median_ms'][name]:.0f}", _goal(name, results)) for name, title in GRAPHS.items())
    return table(("", "ms", ""), rows)


def _goal(name: str, results: Mapping[str, Any]) -> str:
    other = "faster" if name in {"exported, no interlace", "int8"} else "slower"
    goal = next((goal for goal in results["goals"] if goal[other] == name and name != "exported"), None)
    if goal is None:
        return ""
    if goal["is_upper_bound"]:
        return f"{goal['name']} {goal['ratio'] - 1:.0%} (goal: at most {goal['bound'] - 1:.0%})".replace("%", " %")
    if name == "int8":
        return f"{goal['ratio']:.1f} times as fast (goal: {goal['bound']:g})"
    return f"{goal['ratio']:.2f} times (goal: {goal['bound']:g})"

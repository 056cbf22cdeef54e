"""Tables of `make bench-export`: milliseconds of each graph, and the goals of their ratios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.tables.markdown import table

GRAPHS = {
    "exported": "exported, fp32",
    "exported, no interlace": "the same without interlacing",
    "torch eager": "torch eager, plain model",
    "einsum export": "plain export, with einsum",
    "OpenVINO": "exported, fp32, in OpenVINO",
    "int8": "exported, int8",
    "OpenVINO int8": "exported, int8, in OpenVINO",
}


def graphs(results: Mapping[str, Any]) -> str:
    """Return a row for each graph of a network, with the goal that it is a part of."""
    medians, goals = results["median_ms"], results["goals"]
    shown = {name: title for name, title in GRAPHS.items() if name in medians}
    rows = ((title, _milliseconds(medians[name]), _goal(name, goals)) for name, title in shown.items())
    return table((_machine(results["machine"]), "ms", ""), rows)


def _machine(machine: Mapping[str, Any]) -> str:
    return f"{machine['processor']}, {'with' if machine['vnni'] else 'without'} VNNI"


def _milliseconds(median: float) -> str:
    return f"{median:.0f}" if median >= 100 else f"{median:.1f}"


def _goal(name: str, goals: list[Mapping[str, Any]]) -> str:
    other = "slower" if name in {"torch eager", "einsum export"} else "faster"
    goal = next((goal for goal in goals if goal[other] == name and name != "exported"), None)
    if goal is None:
        return ""
    if goal["is_upper_bound"]:
        return f"{goal['name']} {goal['ratio'] - 1:.0%} (goal: at most {goal['bound'] - 1:.0%})".replace("%", " %")
    if "OpenVINO" in name:
        return f"{goal['ratio']:.2f} times as fast as ONNX Runtime (worthwhile: {goal['bound']:g})"
    if name == "int8":
        return f"{goal['ratio']:.2f} times as fast as fp32 (goal: {goal['bound']:g})"
    return f"{goal['ratio']:.2f} times (goal: {goal['bound']:g})"

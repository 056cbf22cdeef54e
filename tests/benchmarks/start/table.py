"""Table of `make bench-start`: time to readiness, import time, installed size, and what OpenCV saves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from tests.benchmarks.tables.markdown import table

LARGEST = 7
"""Packages that are named; the others only count."""


def figures(results: Mapping[str, Any]) -> str:
    """Return a row for each figure."""
    machine = results["machine"]
    return table(("", f"{machine['cores']} cores, load {machine['load']}, {results['date']}"), _rows(results))


def _rows(results: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    (_, server, decoders, resident), goals = results["starts"]["here"].values(), results["goals"]
    ready = f"{results['ready_seconds']:.2f} s (goal: at most {goals['ready_seconds']:g})"
    yield "from the command to the first 200 of `/health/ready`", ready
    yield (
        "CPU time of it",
        f"{server:.2f} s, and {decoders:.2f} s of the decoders",
    )
    yield "resident memory of the server's process", f"{resident:.0f} MB"
    yield "import time", f"{results['import_ms_in_all']} ms: {_largest(results['import_ms'])}"
    size = f"{results['installed_megabytes']} MB (goal: at most {goals['installed_megabytes']:g})"
    yield "base installation", f"{size}: {_largest(results['megabytes'])}"
    for frames, ms in results["resize_ms"].items():
        yield f"eight frames of {frames} resized", f"{ms['OpenCV']:.1f} ms by OpenCV, {ms['NumPy']:.1f} ms by NumPy"


def _largest(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {number:.0f}" for name, number in islice(numbers.items(), LARGEST))

"""Table of `make bench-timeline`: F1 at three overlaps and frame accuracy, by films and rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from tests.benchmarks.tables.markdown import percent, table

FILMS = {
    "rendered": "rendered actions",
    "over footage": "over real footage",
    "UT-Interaction set 2": "UT-Interaction",
}
SHARES = ("f1_at_0.1", "f1_at_0.25", "f1_at_0.5", "frame_accuracy")


def rules(results: Mapping[str, Any]) -> str:
    """Return a row for each rule over each kind of films."""
    heading = ("films", "rule", "window, step, threshold", "F1 at 0.1", "0.25", "0.5", "frames")
    return table(heading, _rows(results))


def _rows(results: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for films, figures in groupby(results["figures"], key=lambda each: each["films"]):
        for number, each in enumerate(figures):
            name = "" if number else FILMS[films]
            yield (name, each["rule"], _parameters(each), *(percent(each[share]) for share in SHARES))


def _parameters(figures: Mapping[str, Any]) -> str:
    threshold = f"{round(figures['min_probability'], 2):g}"
    return f"{figures['window_seconds']:g} s, {figures['step_seconds']:g} s, {threshold}"

"""Report of the benchmark: tables on the console, and all figures as JSON."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.latency.figures import (
    ONE_CORE,
    ONE_THREAD,
    TWO_CORES,
    Round,
    goals_of,
    medians,
    rates_of,
    times_of,
)
from tests.helpers.measuring.machine import cpu_name, versions_of
from training.files import replace_json

PACKAGES = ("av", "numpy", "onnxruntime", "opencv-python-headless")


def print_tables(rounds: Sequence[Round], console: Console) -> None:
    """Print milliseconds of an answer, answers per second, and the goals."""
    services = (ONE_CORE, ONE_THREAD, TWO_CORES)
    table = Table("", *services, title="ms to an answer (p50); answers/s of four clients")
    for clip in rounds[0].milliseconds:
        table.add_row(clip, *(f"{medians(times_of(rounds, clip))[name]:.0f}" for name in services))
    for clip in rounds[0].rates:
        rates = medians(rates_of(rounds, clip))
        table.add_row(f"{clip}, four clients", "", f"{rates[ONE_THREAD]:.1f}/s", f"{rates[TWO_CORES]:.1f}/s")
    console.print(table)
    goals = Table("goal", "measured", "wanted", "met", "most there is")
    for goal in goals_of(rounds):
        most = "" if goal.most is None else f"{goal.most:.2f}"
        goals.add_row(goal.name, f"{goal.value:.2f}", f"at least {goal.bound:g}", "yes" if goal.is_met else "no", most)
    console.print(goals)


def write_results(rounds: Sequence[Round], out: Path) -> Path:
    """Write all figures, named by today's date; return the path."""
    path = out / f"latency-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}.json"
    replace_json(path, facts(rounds))
    return path


def facts(rounds: Sequence[Round]) -> dict[str, Any]:
    """Return all figures as JSON: medians over the rounds, goals, and the rounds."""
    first = rounds[0]
    return {
        "machine": {"processor": cpu_name(), "python": platform.python_version()},
        "versions": versions_of(PACKAGES),
        "milliseconds": {clip: medians(times_of(rounds, clip)) for clip in first.milliseconds},
        "rates": {clip: medians(rates_of(rounds, clip)) for clip in first.rates},
        "goals": [{**asdict(goal), "is_met": goal.is_met} for goal in goals_of(rounds)],
        "rounds": [asdict(each) for each in rounds],
    }

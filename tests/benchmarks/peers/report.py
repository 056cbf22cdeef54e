"""Report of the comparison: tables on the console, and all figures as JSON with their picture."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.peers.catalogue import CORES, OURS, OURS_FP32, Contender
from tests.benchmarks.peers.figures import (
    ANSWERED,
    DEMO_GOAL,
    R50_GOAL,
    REFUSED,
    Goal,
    Load,
    Rounds,
    as_facts,
    at_most,
    goals_of,
    pooled,
)
from tests.benchmarks.peers.measure import MANY, OVERLOAD, Measured, damage_facts
from tests.benchmarks.peers.models import DEMO, R50
from tests.benchmarks.peers.plot import plot_rates
from tests.helpers.measuring.machine import cpu_flags, cpu_name, versions_of
from tests.helpers.measuring.percentiles import percentile

MOST_OF_OTHERS = 0.1
COLUMNS = (
    "answers/s",
    "p50 ms",
    "p99 ms",
    "CPU ms/answer",
    "clients' share",
    "others' share",
    "MB",
    "answered",
    "refused",
    "lost",
    "idle after s",
)


def goals(name: str, measured: Measured) -> list[Goal]:
    """Return a model's goals with the measured values."""
    ours = [each for each in (OURS, OURS_FP32) if each in measured.rounds[MANY]]
    bound = DEMO_GOAL if name == DEMO else R50_GOAL
    busy = measured.rounds[MANY]
    found = goals_of(name, busy, measured.rounds[OVERLOAD], ours, bound)
    return [*found, *at_most(name, busy, ours, measured.least_ms)]


def print_tables(name: str, measured: Measured, console: Console) -> None:
    """Print a table for each load, the answers to a damaged video, and the goals."""
    for load, by_contender in measured.rounds.items():
        table = Table(f"{name}, {load}", *COLUMNS)
        for contender, loads in by_contender.items():
            table.add_row(contender, *_cells(pooled(loads)))
        console.print(table)
    damaged = Table(f"{name}, a damaged video", "status", "answer", "stack trace", "alive")
    for contender, damage in measured.damage.items():
        damaged.add_row(contender, str(damage.status), damage.text[:70], _yes(damage.has_trace), _yes(damage.is_alive))
    console.print(damaged)
    verdicts = Table("goal", "measured", "wanted", "met")
    for goal in goals(name, measured):
        verdicts.add_row(
            goal.name, f"{goal.value:.2f}", _wanted(goal), "" if goal.is_met is None else _yes(goal.is_met)
        )
    console.print(verdicts)
    every = (load for rounds in measured.rounds.values() for loads in rounds.values() for load in loads)
    others = max(load.others_share for load in every)
    if others > MOST_OF_OTHERS:
        console.print(f"Other processes had up to {others:.0%} of the CPU time: compare CPU times only.")


def write_results(measured: dict[str, Measured], contenders: Sequence[Contender], out: Path) -> tuple[Path, Path]:
    """Write all figures as JSON, named by today's date, and the rates as `peers.svg`; return the paths.

    Figures of models that were not measured now stay in today's file.
    """
    out.mkdir(parents=True, exist_ok=True)
    stem = out / f"peers-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}"
    models = _models_in(stem.with_suffix(".json")) | {name: model_facts(name, measured[name]) for name in measured}
    facts = {
        "machine": {
            "processor": cpu_name(),
            "vnni": int8_instructions(),
            "cores": CORES,
            "python": platform.python_version(),
        },
        "versions": versions_of(sorted({package for each in contenders for package in each.packages})),
        "packages": {each.name: each.packages for each in contenders},
        "models": {name: models[name] for name in (DEMO, R50) if name in models},
    }
    stem.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    picture = out / "peers.svg"
    picture.write_text(plot_rates(facts))
    return stem.with_suffix(".json"), picture


def model_facts(name: str, measured: Measured) -> dict[str, Any]:
    """Return a model's figures as JSON: each load pooled, and the rates of every round."""
    return {
        "loads": {load: _of_each(rounds, _pooled_facts) for load, rounds in measured.rounds.items()},
        "rates": {load: _of_each(rounds, _rates) for load, rounds in measured.rounds.items()},
        "damaged": damage_facts(measured),
        "idle_share": {each: round(share, 3) for each, share in measured.idle_share.items()},
        "least_ms": [round(each, 2) for each in measured.least_ms],
        "goals": [{**vars(goal), "is_met": goal.is_met} for goal in goals(name, measured)],
    }


def int8_instructions() -> list[str]:
    """Return the instructions for int8 that the processor has."""
    return sorted(flag for flag in cpu_flags() if "vnni" in flag)


def _models_in(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())["models"]) if path.exists() else {}


def _of_each(rounds: Rounds, value: Callable[[Sequence[Load]], Any]) -> dict[str, Any]:
    return {contender: value(loads) for contender, loads in rounds.items()}


def _pooled_facts(loads: Sequence[Load]) -> dict[str, Any]:
    return as_facts(pooled(loads))


def _rates(loads: Sequence[Load]) -> list[float]:
    return [round(load.rate, 2) for load in loads]


def _cells(load: Load) -> list[str]:
    answered, refused = (load.fates.get(fate, 0) for fate in (ANSWERED, REFUSED))
    return [
        f"{load.rate:.1f}",
        *(f"{percentile(load.latencies, percent):.0f}" for percent in (50, 99)),
        f"{load.server_ms:.0f}",
        f"{load.client_share:.1%}",
        f"{load.others_share:.0%}",
        f"{load.megabytes:.0f}",
        *map(str, (answered, refused, load.lost)),
        f"{load.drain_seconds:.1f}",
    ]


def _wanted(goal: Goal) -> str:
    return "" if goal.bound is None else f"at {'least' if goal.is_lower_bound else 'most'} {goal.bound:g}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"

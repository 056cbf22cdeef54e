"""Report of the gateway under load: tables on the terminal, and figures as JSON."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.load.figures import (
    CORES,
    FLOORS,
    LEAST,
    NUM_CLIENTS,
    OPEN,
    PROCESSES,
    THREADS,
    TWICE,
    Load,
    Round,
    goals_of,
    pooled,
    pooled_bare,
)
from tests.benchmarks.load.stages import medians
from tests.helpers.measuring.machine import cpu_name, versions_of
from tests.helpers.measuring.percentiles import percentile

PACKAGES = ("av", "fastapi", "h11", "locust", "numpy", "onnxruntime", "opencv-python-headless", "uvicorn")


def print_stages(rounds: Sequence[Round], stages: Sequence[dict[str, float]], console: Console) -> None:
    """Print what each stage of the server takes, one request at a time, and what is more than that under load."""
    table = Table("stage", "CPU, ms")
    for stage, spent in medians(stages).items():
        table.add_row(stage, f"{spent:.2f}")
    besides = statistics.median(each.besides() for each in rounds)
    table.add_row(
        "the rest: stages, decoding and inference under load", f"{besides - sum(medians(stages).values()):.2f}"
    )
    table.add_row("all besides the bare loop's", f"{besides:.2f}")
    console.print(table)


def print_tables(rounds: list[Round], console: Console) -> None:
    """Print rates and latencies, then the goals."""
    table = Table("", "video/s", "p50", "p99", "rejected", "p99", "max", "failed", "server", "clients")
    for name in (THREADS, PROCESSES):
        bare = pooled_bare(rounds, name)
        table.add_row(name, f"{bare.rate:.1f}", *[""] * 6, f"{bare.milliseconds:.1f}")
    for name in (*NUM_CLIENTS, *FLOORS, OPEN):
        table.add_row(name, *_cells(pooled(rounds, name)))
    console.print(table)
    console.print("latencies in ms; server, clients: ms of CPU time per request, including rejected ones")
    thrift = statistics.median(each.thrift() for each in rounds)
    console.print(f"CPU time per video, bare / {TWICE} and server: {thrift:.3f}")
    goals = Table("goal", "measured", "wanted", "met")
    for goal in goals_of(rounds):
        wanted = f"{'at least' if goal.is_lower_bound else 'at most'} {goal.bound:g}"
        goals.add_row(goal.name, f"{goal.value:.3g}", wanted, "yes" if goal.is_met else "no")
    console.print(goals)
    floor = _floor(rounds)
    console.print(
        f"{LEAST} / bare loop: {floor['ratio']:.3f}; CPU besides the bare loop's, ms: {floor['besides_ms']:.2f}"
    )


def _cells(load: Load) -> list[str]:
    accepted = [percentile(load.accepted, percent) for percent in (50, 99)]
    rejected = [percentile(load.rejected, percent) for percent in (99, 100)]
    return [
        f"{load.rate:.1f}",
        *(f"{value:.0f}" for value in accepted),
        str(len(load.rejected)),
        *(f"{value:.0f}" if load.rejected else "" for value in rejected),
        str(len(load.failures)),
        f"{load.server_ms:.1f}",
        f"{load.client_ms:.1f}",
    ]


def write_results(rounds: list[Round], stages: list[dict[str, float]], video: Path, out: Path) -> Path:
    """Write all figures as JSON, named by today's date; return the path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"load-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}.json"
    facts = {
        "machine": {
            "processor": cpu_name(),
            "cores": CORES,
            "load": os.getloadavg(),
            "python": platform.python_version(),
        },
        "versions": versions_of(PACKAGES),
        "video_bytes": video.stat().st_size,
        "goals": [{**asdict(goal), "is_met": goal.is_met} for goal in goals_of(rounds)],
        "stages": medians(stages),
        "bare": {name: asdict(pooled_bare(rounds, name)) for name in (THREADS, PROCESSES)},
        "loads": {name: _summary(pooled(rounds, name)) for name in (*NUM_CLIENTS, OPEN)},
        "floors": {name: _summary(pooled(rounds, name)) for name in FLOORS},
        "floor": _floor(rounds),
        "ratios": [each.ratio() for each in rounds],
    }
    path.write_text(json.dumps(_rounded(facts), indent=1) + "\n")
    return path


def _floor(rounds: Sequence[Round]) -> dict[str, float]:
    """Return what the goals would be of the service that does the least."""
    return {
        "ratio": statistics.median(each.floor_ratio() for each in rounds),
        "besides_ms": statistics.median(each.besides(each.floors[LEAST]) for each in rounds),
    }


def _summary(load: Load) -> dict[str, float]:
    return {
        "rate": load.rate,
        "p50_ms": percentile(load.accepted, 50),
        "p99_ms": percentile(load.accepted, 99),
        "num_rejected": len(load.rejected),
        "rejected_p99_ms": percentile(load.rejected, 99) if load.rejected else 0.0,
        "num_failed": len(load.failures),
        "server_ms": load.server_ms,
        "client_ms": load.client_ms,
    }


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value

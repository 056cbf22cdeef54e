"""Start and size of the service: time to the first 200 of /health/ready, import time and installed size by package.

python -m tests.benchmarks.start

Measures the base environment, .venv, with bytecode and files in memory. `--against DIR` starts the service of another
checkout in turns.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tests.benchmarks.start.imports import milliseconds_by_package
from tests.benchmarks.start.install_size import megabytes_by_distribution
from tests.benchmarks.start.numpy_resize import milliseconds_per_clip
from tests.benchmarks.start.readiness import Start, kept_bytecode, measure_start
from tests.helpers.measuring.machine import cpu_name, installed_versions
from tests.helpers.paths import REPOSITORY

RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = ("av", "fastapi", "numpy", "onnxruntime", "opencv-python-headless", "pydantic", "tin-serve", "uvicorn")
FRAMES = ((640, 360), (1920, 1080))
"""Width and height of the videos whose frames are resized."""

MOST_SECONDS, MOST_MEGABYTES = 1.5, 350
GOALS = (("ready_seconds", MOST_SECONDS), ("installed_megabytes", MOST_MEGABYTES))


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Starts of each checkout.")] = 10,
    environment: Annotated[Path, typer.Option(help="Virtual environment to measure.")] = REPOSITORY / ".venv",
    against: Annotated[Path | None, typer.Option(help="Another checkout, started in turns.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Measure start and size of the service, print them and write them as JSON."""
    console = Console()
    figures = measure(environment, rounds, against)
    print_figures(figures, console)
    path = out / f"start-{figures['date']}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    console.print(path)


def measure(environment: Path, rounds: int, against: Path | None) -> dict[str, Any]:
    """Return the figures."""
    python = environment / "bin" / "python"
    checkouts = {"here": REPOSITORY} | ({"before": against} if against else {})
    with kept_bytecode() as variables:
        starts = _starts(python, checkouts, rounds, variables)
        imports = milliseconds_by_package(python, variables, rounds)
    sizes = megabytes_by_distribution(environment)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"processor": cpu_name(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)},
        "versions": {"python": sys.version.split()[0]} | installed_versions(PACKAGES),
        "rounds": rounds,
        "ready_seconds": _median(starts["here"], "wall_seconds"),
        "starts": {name: _medians(measured) for name, measured in starts.items()},
        "all_starts": {name: [asdict(each) for each in measured] for name, measured in starts.items()},
        "import_ms": {package: round(ms, 1) for package, ms in imports.items() if ms >= 1},
        "import_ms_in_all": round(sum(imports.values())),
        "installed_megabytes": round(sum(sizes.values())),
        "megabytes": {name: size for name, size in sizes.items() if size >= 1},
        "resize_ms": {f"{width}x{height}": milliseconds_per_clip(width, height) for width, height in FRAMES},
        "goals": dict(GOALS),
    }


def print_figures(figures: dict[str, Any], console: Console) -> None:
    """Print the figures, and which goals are met."""
    table = Table("checkout", "ready s", "CPU s, server", "CPU s, decoders", "MB, server")
    for name, medians in figures["starts"].items():
        table.add_row(name, *(f"{number:.2f}" for number in medians.values()))
    console.print(table)
    for key, unit in (("import_ms", "ms"), ("megabytes", "MB")):
        largest = list(figures[key].items())[:10]
        console.print(
            f"{key}: " + ", ".join(f"{name} {number:.0f} {unit}" for name, number in largest), highlight=False
        )
    console.print(f"resize_ms: {figures['resize_ms']}", highlight=False)
    for key, most in GOALS:
        verdict = "met" if figures[key] <= most else "missed"
        console.print(f"{key} {figures[key]:g}: goal of at most {most:g} {verdict}", highlight=False)


def _starts(python: Path, checkouts: dict[str, Path], rounds: int, variables: dict[str, str]) -> dict[str, list[Start]]:
    starts: dict[str, list[Start]] = {name: [] for name in checkouts}
    for _ in range(rounds + 1):
        for name, checkout in checkouts.items():
            starts[name].append(measure_start(python, checkout, variables))
    return {name: measured[1:] for name, measured in starts.items()}  # the first one wrote the bytecode


def _medians(starts: Sequence[Start]) -> dict[str, float]:
    return {name: _median(starts, name) for name in asdict(starts[0])}


def _median(starts: Sequence[Start], name: str) -> float:
    numbers: list[float] = [getattr(start, name) for start in starts]
    return round(statistics.median(numbers), 3)


if __name__ == "__main__":
    typer.run(main)

"""Import time of the application, by package."""

from __future__ import annotations

import re
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.helpers.paths import REPOSITORY

PROGRAM = "import service.serve_command, service.deployment.uvicorn_server"
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)")
"""A line of `-X importtime`: microseconds of the module itself, of what it imports too, and its name."""


def milliseconds_by_package(python: Path, variables: dict[str, str], rounds: int) -> dict[str, float]:
    """Return the median over the rounds for each package, the slowest first; a package's own modules only."""
    measured = [_once(python, variables) for _ in range(rounds)]
    packages = sorted(set().union(*measured))
    medians = {package: statistics.median(each.get(package, 0) for each in measured) for package in packages}
    return dict(sorted(medians.items(), key=lambda item: -item[1]))


def _once(python: Path, variables: dict[str, str]) -> dict[str, float]:
    environment = variables | {"PYTHONPATH": str(REPOSITORY)}
    command: Sequence[str | Path] = [python, "-X", "importtime", "-c", PROGRAM]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    return by_package(done.stderr.splitlines())


def by_package(lines: Iterable[str]) -> dict[str, float]:
    """Return the milliseconds of each package in the output of `-X importtime`.

    >>> by_package(["import time:      1500 |       2500 |   numpy.linalg"])
    {'numpy': 1.5}
    """
    found: dict[str, float] = {}
    for match in map(LINE.match, lines):
        if match:
            found[match[2]] = found.get(match[2], 0) + int(match[1]) / 1000
    return found

"""Results of a benchmark: figures, machine and versions as a dated JSON file."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.helpers.measuring.machine import cpu_name, versions_of
from tests.helpers.paths import REPOSITORY
from training.files import replace_file

RESULTS = REPOSITORY / "tests" / "benchmarks" / "results"


def write_results(
    benchmark: str, figures: Mapping[str, object], packages: Iterable[str], folder: Path = RESULTS
) -> Path:
    """Write `<benchmark>-<date>.json` and return its path.

    Args:
        benchmark: name of the benchmark.
        figures: what it measured, as JSON types.
        packages: packages whose versions matter.
        folder: folder of the file.
    """
    path = folder / f"{benchmark}-{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}.json"
    facts = {
        "machine": {"processor": cpu_name(), "cores": os.cpu_count(), "python": platform.python_version()},
        "load_at_end": os.getloadavg()[0],
        "versions": versions_of(packages),
        **figures,
    }
    replace_file(path, (json.dumps(facts, indent=1) + "\n").encode())
    return path

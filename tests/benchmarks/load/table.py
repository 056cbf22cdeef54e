"""Table of `make load`: the CPU time of the server's stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.tables.markdown import table

STAGES = {
    "http": "HTTP: sockets, parser, body",
    "application": "application: middleware, routes, admission, answer, log, metrics",
    "batch": "batch: the batcher and its thread",
    "decoder": "decoder: the video to a worker, the views back",
}


def stages(results: Mapping[str, Any]) -> str:
    """Return a row for each stage of the server, and one for their sum; the heading tells how busy the machine was."""
    rows = [(STAGES[name], f"{spent:.2f}") for name, spent in results["stages"].items()]
    busy = f"load average {results['machine']['load'][0]:.0f}"
    return table(("stage", f"CPU ms ({busy})"), [*rows, ("all", f"{sum(results['stages'].values()):.2f}")])

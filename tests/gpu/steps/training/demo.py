"""Step `demo`: the demo recipe with a network of the published size, for a while: its loss falls."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.gpu.device import require_gpu, require_package
from tests.gpu.session.figures import Figures
from tests.helpers.paths import REPOSITORY

SECONDS = 60
"""Time to train; the step's own limit is longer, for the start."""

OVERRIDES = (
    "model.depth=50",
    "model.width=1.0",
    "clip.crop=224",
    "data.batch_size=6",
    "data.lessons=[{from_epoch: 0, side: 224, difficulty: 0.2}]",
)
"""Overrides with which the demo recipe trains a network of the published size."""


def run(figures: Figures) -> None:
    """Train and compare the mean losses of the first and the last tenth of the steps."""
    for package in ("av", "pydantic", "triton"):
        require_package(package)
    require_gpu()
    workers = f"data.workers={max(1, (os.cpu_count() or 1) - 4)}"
    demo = train((*OVERRIDES, workers), SECONDS)
    figures.add(**demo)
    if not demo["steps"]:
        raise AssertionError("no step was logged")
    losses = f"loss {demo['first_loss']:.3f} to {demo['last_loss']:.3f}"
    figures.add(summary=[f"{demo['steps']:.0f} steps in {demo['seconds']:.0f} s, {losses}"])


def train(overrides: tuple[str, ...], seconds: float) -> dict[str, float]:
    """Train the demo recipe for a time or to its end; return steps, and mean losses of the first and last tenth.

    Raises AssertionError if the training fails.
    """
    settings = [word for override in overrides for word in ("--set", override)]
    with tempfile.TemporaryDirectory() as work_dir:
        command = [sys.executable, "-m", "training.train", "tin_motion", "--work-dir", work_dir, *settings]
        start = time.monotonic()
        try:
            done = subprocess.run(
                command, cwd=REPOSITORY, timeout=seconds, stderr=subprocess.PIPE, text=True, check=False
            )
        except subprocess.TimeoutExpired:
            pass
        else:
            assert done.returncode == 0, done.stderr[-500:]
        taken = time.monotonic() - start
        log = Path(work_dir) / "log.jsonl"
        rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    losses = [row["loss"] for row in rows if "loss" in row]
    if not losses:
        return {"steps": 0, "seconds": taken}
    tenth = max(1, len(losses) // 10)
    return {
        "steps": len(losses),
        "seconds": taken,
        "first_loss": statistics.mean(losses[:tenth]),
        "last_loss": statistics.mean(losses[-tenth:]),
    }

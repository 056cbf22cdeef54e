"""Log of a run: `train.log` for people, `log.jsonl` for programs, and TensorBoard's event files."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard import SummaryWriter

from training.engine.loops import Step
from training.engine.progress import format_figures
from training.files import replace_file

STEPS_BETWEEN_LINES = 20
"""Interval in `train.log`; the other two have every step."""

SECONDS_BETWEEN_FLUSHES = 10


class RunLog:
    """A callback that logs a run to its work folder while it is entered. Steps and epochs count from 0.

    `log.jsonl` has an object a line: `{"mode": "train", "epoch": 0, "step": 7, "loss": ...}` for a step, and one of
    mode `val` for a validation, with the number of the step before it; a number that is not finite is null. A run that
    resumes at `first_step` keeps the entries of earlier steps and drops the others, so that each step is logged once;
    at 0 nothing is kept. `train.log` is only ever appended to. Raises OSError, naming the file.
    """

    def __init__(self, work_dir: Path, *, first_step: int = 0) -> None:
        work_dir.mkdir(parents=True, exist_ok=True)
        self._last_step = first_step - 1
        drop_steps(work_dir / "log.jsonl", first_step)
        self._objects = (work_dir / "log.jsonl").open("a", buffering=1)
        self._lines = (work_dir / "train.log").open("a", buffering=1, encoding="utf-8")
        self._curves = SummaryWriter(
            work_dir / "tensorboard", purge_step=first_step, flush_secs=SECONDS_BETWEEN_FLUSHES
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.on_message(f"stopped by {type(error).__name__}: {error}")
        self._objects.close()
        self._lines.close()
        self._curves.close()

    def on_step(self, epoch: int, step: Step) -> None:
        """Log an optimiser step with all its fields."""
        figures = asdict(step)
        self._last_step = figures.pop("number")
        self._write("train", epoch, figures)
        if self._last_step % STEPS_BETWEEN_LINES == 0:
            self.on_message(f"epoch {epoch + 1}, step {self._last_step}: {format_figures(figures)}")

    def on_validation(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Log the metrics of an epoch and flush: nothing logged before is lost if the process is killed."""
        self._write("val", epoch, metrics)
        self._curves.flush()
        self.on_message(f"epoch {epoch + 1}: {format_figures(metrics)}")

    def on_message(self, text: str) -> None:
        """Append a line with the time to `train.log`."""
        self._lines.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")

    def _write(self, mode: str, epoch: int, figures: Mapping[str, float]) -> None:
        finite = {name: figure if math.isfinite(figure) else None for name, figure in figures.items()}
        self._objects.write(json.dumps({"mode": mode, "epoch": epoch, "step": self._last_step, **finite}) + "\n")
        for name, figure in figures.items():
            self._curves.add_scalar(f"{mode}/{name}", figure, self._last_step)


def drop_steps(path: Path, first_step: int) -> None:
    """Drop all lines of a `log.jsonl` except complete ones about steps before `first_step`."""
    if path.exists():
        kept = [line for line in path.read_text(errors="replace").splitlines() if _is_before(line, first_step)]
        replace_file(path, "".join(f"{line}\n" for line in kept).encode())


def _is_before(line: str, first_step: int) -> bool:
    try:
        return bool(json.loads(line)["step"] < first_step)
    except (ValueError, KeyError, TypeError):
        return False

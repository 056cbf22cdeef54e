"""Progress display of a run: a bar on a terminal, a line every 30 seconds elsewhere, such as in a cluster job's log."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console

from training.engine.loops import Step

SECONDS_BETWEEN_LINES = 30.0


class ProgressDisplay(ABC):
    """A callback that shows a run's progress while it is entered. Steps and epochs count from 0."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    def on_step(self, epoch: int, step: Step) -> None:
        """Show a finished step."""

    @abstractmethod
    def on_message(self, text: str) -> None:
        """Show a line of text, without markup."""

    def on_validation(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Show the metrics of an epoch."""
        self.on_message(f"epoch {epoch + 1}: {format_figures(metrics)}")


class ProgressBar(ProgressDisplay):
    """A progress bar with the remaining time, below the messages.

    Args:
        console: The terminal.
        name: The recipe's name.
        total_steps: Steps of the whole run.
        first_step: Steps that are done already, in a resumed run.
    """

    def __init__(self, console: Console, name: str, total_steps: int, first_step: int) -> None:
        columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.MofNCompleteColumn())
        times = (progress.TimeElapsedColumn(), progress.TimeRemainingColumn())
        self._progress = progress.Progress(
            *columns, *times, progress.TextColumn("{task.fields[state]}"), console=console
        )
        self._task = self._progress.add_task(name, total=total_steps, completed=first_step, state="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_step(self, epoch: int, step: Step) -> None:
        """Advance the bar to a step."""
        self._progress.update(self._task, completed=step.number + 1, state=_state(step))

    def on_message(self, text: str) -> None:
        """Print above the bar."""
        _print_plain(self._progress.console, text)


class ProgressLines(ProgressDisplay):
    """A line for the first and the last step, and one every `every` seconds, with the remaining time.

    Args:
        console: The output.
        name: The recipe's name.
        total_steps: Steps of the whole run.
        first_step: Steps that are done already, in a resumed run.
        every: Seconds between lines.
    """

    def __init__(
        self, console: Console, name: str, total_steps: int, first_step: int, every: float = SECONDS_BETWEEN_LINES
    ) -> None:
        self._console = console
        self._name = name
        self._total_steps = total_steps
        self._first_step = first_step
        self._every = every
        self._started = time.monotonic()
        self._due = self._started

    def on_step(self, epoch: int, step: Step) -> None:
        """Print a line if one is due."""
        done, now = step.number + 1, time.monotonic()
        if now < self._due and done < self._total_steps:
            return
        self._due = now + self._every
        left = (now - self._started) / (done - self._first_step) * (self._total_steps - done)
        self.on_message(
            f"{self._name}  epoch {epoch + 1}  step {done}/{self._total_steps} ({done / self._total_steps:.1%})  "
            f"{_state(step)}  {timedelta(seconds=round(left))} left"
        )

    def on_message(self, text: str) -> None:
        """Print a line."""
        _print_plain(self._console, text)


def show_progress(name: str, total_steps: int, *, first_step: int = 0) -> ProgressDisplay:
    """Return the display for standard output: a bar on a terminal, else lines.

    Args:
        name: The recipe's name.
        total_steps: Steps of the whole run.
        first_step: Steps that are done already, in a resumed run.
    """
    console = Console()
    kind = ProgressBar if console.is_terminal else ProgressLines
    return kind(console, name, total_steps, first_step)


def format_figures(figures: Mapping[str, float]) -> str:
    """Format figures as text, such as "loss 2.303, accuracy 0.0625"."""
    return ", ".join(f"{name} {figure:.4g}" for name, figure in figures.items())


def _state(step: Step) -> str:
    return f"loss {step.loss:.3f}  top-1 {step.accuracy:.0%}"


def _print_plain(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)

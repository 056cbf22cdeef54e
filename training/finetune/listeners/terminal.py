"""Events for a terminal: a line each on standard output, and a progress bar during training."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rich.console import Console

from training.engine.callbacks import Callback
from training.engine.progress import show_progress
from training.finetune.listeners.events import Event, Failed


class Terminal:
    """A listener that prints events as text; errors go to standard error."""

    def tell(self, event: Event) -> None:
        """Print an event as a line."""
        console = Console(stderr=isinstance(event, Failed))
        console.print(" ".join(str(event).split()), markup=False, highlight=False, soft_wrap=True)

    def follow(self, name: str, total_steps: int, first_step: int) -> AbstractContextManager[Callback]:
        """Return a progress bar, or lines where standard output is no terminal."""
        return show_progress(name, total_steps, first_step=first_step)

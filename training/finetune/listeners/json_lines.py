"""Events for programs: newline-delimited JSON on standard output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from training.engine.callbacks import Callback
from training.engine.loops import Step
from training.finetune.listeners.events import Event, Note, Progress, Validated

SECONDS_BETWEEN_STEPS = 0.5


class JsonLines:
    """A listener that writes each event as a line of JSON, at once."""

    def tell(self, event: Event) -> None:
        """Write an event."""
        sys.stdout.write(json.dumps(event.to_json()) + "\n")
        sys.stdout.flush()

    @contextmanager
    def follow(self, name: str, total_steps: int, first_step: int) -> Iterator[Callback]:
        """Lend a callback that tells of steps, at most two a second, of validations and of messages."""
        yield TrainingEvents(self.tell, total_steps, first_step)


class TrainingEvents:
    """A callback that turns what happens in a training run into events.

    Args:
        tell: Takes the events.
        total_steps: Steps of the whole run.
        first_step: Steps that are done already, in a resumed run.
    """

    def __init__(self, tell: Callable[[Event], None], total_steps: int, first_step: int) -> None:
        self._tell = tell
        self._total_steps = total_steps
        self._first_step = first_step
        self._started = time.monotonic()
        self._due = self._started
        self._best = 0.0

    def on_step(self, epoch: int, step: Step) -> None:
        """Tell of a step if one is due; of the last one always."""
        done, now = step.number + 1, time.monotonic()
        if now < self._due and done < self._total_steps:
            return
        self._due = now + SECONDS_BETWEEN_STEPS
        left = (now - self._started) / (done - self._first_step) * (self._total_steps - done)
        self._tell(Progress("train", done, self._total_steps, epoch + 1, round(step.loss, 4), round(left)))

    def on_validation(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Tell of a validation."""
        top1 = metrics["top1_acc"]
        self._best = max(self._best, top1)
        self._tell(Validated(epoch + 1, top1, self._best))

    def on_message(self, text: str) -> None:
        """Tell of a message."""
        self._tell(Note(text))

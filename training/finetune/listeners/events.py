"""Events of a fine-tuning run, for a terminal or for a program that reads JSON."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Protocol

from training.engine.callbacks import Callback

StageName = Literal["read", "train", "evaluate", "export", "publish"]


@dataclass(frozen=True)
class Event:
    """Base of all events: `to_json` gives the fields of a subclass, `str()` the line for people."""

    name: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """Return the event as plain JSON types."""
        return {"event": self.name, **asdict(self)}


@dataclass(frozen=True)
class ClipsCounted(Event):
    """The usable clips of each class, and of both sides of the split."""

    name: ClassVar[str] = "clips"
    classes: Mapping[str, int]
    train: int
    validation: int

    def __str__(self) -> str:
        counts = ", ".join(f"{label} {count}" for label, count in self.classes.items())
        return f"clips: {counts}; {self.train} to train with, {self.validation} to validate"


@dataclass(frozen=True)
class Planned(Event):
    """The side of the input in pixels, the number of epochs, the limit in minutes, and the reason for them."""

    name: ClassVar[str] = "plan"
    side: int
    epochs: int
    minutes: float
    reason: str

    def __str__(self) -> str:
        return f"plan: {self.side} x {self.side} pixels, {self.epochs} epochs ({self.reason})"


@dataclass(frozen=True)
class Progress(Event):
    """A finished optimiser step; `done` and `total` count steps, `epoch` counts from 1."""

    name: ClassVar[str] = "progress"
    stage: StageName
    done: int
    total: int
    epoch: int
    loss: float
    eta_seconds: int

    def __str__(self) -> str:
        return f"step {self.done} of {self.total}, {self.eta_seconds} s left"


@dataclass(frozen=True)
class Validated(Event):
    """Top-1 accuracy after an epoch, counted from 1, and the best so far, as shares."""

    name: ClassVar[str] = "validation"
    epoch: int
    top1: float
    best: float

    def __str__(self) -> str:
        return f"epoch {self.epoch}: top-1 {self.top1:.1%}"


@dataclass(frozen=True)
class Stage(Event):
    """A stage has begun, or a step of it."""

    name: ClassVar[str] = "stage"
    stage: StageName
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Note(Event):
    """A line that a person should read."""

    name: ClassVar[str] = "note"
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Published(Event):
    """The model is in the store; `accuracy` is its top-1 share of the validation clips, `report` a path."""

    name: ClassVar[str] = "published"
    model: str
    version: str
    accuracy: float
    report: str
    seconds: int

    def __str__(self) -> str:
        return (
            f"published {self.model} {self.version}: {self.accuracy:.1%} of the validation clips right, "
            f"after {self.seconds} s"
        )


@dataclass(frozen=True)
class CrossValidated(Event):
    """Mean and standard deviation of the folds' top-1 accuracies, as shares, and the file with all figures."""

    name: ClassVar[str] = "cross_validation"
    folds: int
    mean: float
    spread: float
    figures: str

    def __str__(self) -> str:
        return f"{self.folds} folds: {self.mean:.1%} right, spread {self.spread:.1%}; figures: {self.figures}"


@dataclass(frozen=True)
class Failed(Event):
    """The command ends without its result."""

    name: ClassVar[str] = "error"
    text: str

    def __str__(self) -> str:
        return f"error: {self.text}"


class Listener(Protocol):
    """Listener to the events of a run."""

    def tell(self, event: Event) -> None:
        """Show or pass on an event."""

    def follow(self, name: str, total_steps: int, first_step: int) -> AbstractContextManager[Callback]:
        """Return a callback that shows the progress of a training run while it is entered.

        Args:
            name: The run's name.
            total_steps: Steps of the whole run.
            first_step: Steps that are done already, in a resumed run.
        """

"""Who is told how a run goes. What is said before anybody listens is kept for the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from training.engine.loops import Step


class Callback(Protocol):
    """Hears of a run; steps and epochs count from 0."""

    def on_step(self, epoch: int, step: Step) -> None:
        """One more optimiser step is done."""

    def on_validation(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """What an epoch reached, in shares from 0 to 1."""

    def on_message(self, text: str) -> None:
        """A line about something out of the ordinary."""


class Callbacks:
    """Passes on all that it hears to every callback."""

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []
        self._pending: list[str] = []

    def add(self, *callbacks: Callback) -> None:
        """From now on these listen too."""
        self._callbacks.extend(callbacks)
        pending, self._pending = self._pending, []
        for text in pending:
            self.on_message(text)

    def on_step(self, epoch: int, step: Step) -> None:
        """As `Callback.step`."""
        for callback in self._callbacks:
            callback.on_step(epoch, step)

    def on_validation(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """As `Callback.validation`."""
        for callback in self._callbacks:
            callback.on_validation(epoch, metrics)

    def on_message(self, text: str) -> None:
        """As `Callback.say`."""
        for callback in self._callbacks:
            callback.on_message(text)
        if not self._callbacks:
            self._pending.append(text)

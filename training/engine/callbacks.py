"""Who is told how a run goes. What is said before anybody listens is kept for the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from training.engine.loops import Step


class Listener(Protocol):
    """Hears of a run; steps and epochs count from 0."""

    def step(self, epoch: int, step: Step) -> None:
        """One more optimiser step is done."""

    def validation(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """What an epoch reached, in shares from 0 to 1."""

    def say(self, text: str) -> None:
        """A line about something out of the ordinary."""


class Audience:
    """Passes on all that it hears to every listener."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._unheard: list[str] = []

    def admit(self, *listeners: Listener) -> None:
        """From now on these listen too."""
        self._listeners.extend(listeners)
        unheard, self._unheard = self._unheard, []
        for text in unheard:
            self.say(text)

    def step(self, epoch: int, step: Step) -> None:
        """As `Listener.step`."""
        for listener in self._listeners:
            listener.step(epoch, step)

    def validation(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """As `Listener.validation`."""
        for listener in self._listeners:
            listener.validation(epoch, metrics)

    def say(self, text: str) -> None:
        """As `Listener.say`."""
        for listener in self._listeners:
            listener.say(text)
        if not self._listeners:
            self._unheard.append(text)

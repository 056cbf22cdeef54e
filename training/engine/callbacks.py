"""Callbacks: observers of a training run, such as its log and its progress display."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from training.engine.loops import Step


class Callback(Protocol):
    """Observer of a run. Steps and epochs count from 0."""

    def on_step(self, epoch: int, step: Step) -> None:
        """Handle a finished optimiser step."""

    def on_validation(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Handle the metrics of a validated epoch: shares from 0 to 1, and the loss."""

    def on_message(self, text: str) -> None:
        """Handle a notice, one line of text."""


class Callbacks:
    """A list of callbacks that is one itself; messages from before the first `add` are delivered then."""

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []
        self._pending: list[str] = []

    def add(self, *callbacks: Callback) -> None:
        """Add callbacks, and deliver pending messages."""
        self._callbacks.extend(callbacks)
        pending, self._pending = self._pending, []
        for text in pending:
            self.on_message(text)

    def on_step(self, epoch: int, step: Step) -> None:
        """Pass on a finished optimiser step."""
        for callback in self._callbacks:
            callback.on_step(epoch, step)

    def on_validation(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Pass on the metrics of a validated epoch."""
        for callback in self._callbacks:
            callback.on_validation(epoch, metrics)

    def on_message(self, text: str) -> None:
        """Pass on a notice, or keep it for the first callbacks."""
        for callback in self._callbacks:
            callback.on_message(text)
        if not self._callbacks:
            self._pending.append(text)

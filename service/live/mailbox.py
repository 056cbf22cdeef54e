"""Mailbox: what the decoding thread has for the one that infers, which never waits for more than a few windows."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from clips.model_input import WindowInput

MOST_WINDOWS = 4
"""Windows that wait; a further one takes the place of the oldest."""


@dataclass(frozen=True)
class Connected:
    """The first frame of a connection is there, at this time in seconds; it took so many tries."""

    seconds: float
    tries: int


@dataclass(frozen=True)
class Lost:
    """The connection broke off after the frame that ended at this time in seconds."""

    seconds: float
    reason: str


@dataclass(frozen=True)
class Over:
    """The video ended, at this time in seconds."""

    seconds: float


@dataclass(frozen=True)
class Failed:
    """The decoding thread ended with this error."""

    error: Exception


Event = Connected | WindowInput | Lost | Over | Failed


class Mailbox:
    """Events in order; of windows that nobody has taken, only the newest are kept.

    `dropped_windows` counts the others.
    """

    def __init__(self, most_windows: int = MOST_WINDOWS) -> None:
        self._most_windows = most_windows
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()
        self.dropped_windows = 0

    def put(self, event: Event) -> None:
        """Add an event."""
        with self._changed:
            waiting = [each for each in self._events if isinstance(each, WindowInput)]
            if isinstance(event, WindowInput) and len(waiting) >= self._most_windows:
                self._events.remove(waiting[0])
                self.dropped_windows += 1
            self._events.append(event)
            self._changed.notify()

    def take(self, timeout: float) -> Event | None:
        """Return the next event, or None when there is none within `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._events), timeout)
            return self._events.popleft() if self._events else None

"""Exponential back-off: the waits between tries to open a source."""

from __future__ import annotations

FIRST_SECONDS = 0.5
MOST_SECONDS = 30.0
STEADY_SECONDS = 10.0
"""A connection that lasted so long was a good one: the next wait is the first again."""


class Backoff:
    """Waits that double from 0.5 s up to 30 s."""

    def __init__(self) -> None:
        self._seconds = FIRST_SECONDS

    def next_wait(self) -> float:
        """Return the seconds to wait before the next try."""
        seconds, self._seconds = self._seconds, min(2 * self._seconds, MOST_SECONDS)
        return seconds

    def connected_for(self, seconds: float) -> None:
        """Begin anew after a connection that lasted."""
        if seconds >= STEADY_SECONDS:
            self._seconds = FIRST_SECONDS

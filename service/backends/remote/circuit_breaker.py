"""Circuit breaker: while a server is down, calls fail at once instead of waiting for it.

Libraries (pybreaker, purgatory) use a client's request as the trial that closes a circuit; here the owner tries it.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from service.backends.base import RuntimeDown

MAX_FAILURES = 3
MAX_RETRY_AFTER = 30

logger = logging.getLogger("service")


class CircuitBreaker:
    """Open at first; once closed, `MAX_FAILURES` failures in a row open it again. Thread-safe.

    `server` is its name in messages; `clock` returns seconds.
    """

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._lock = threading.Lock()
        self._num_failures = 0
        self._reason = f"{server} has not answered yet"
        self._opened_at: float | None = clock()

    @property
    def is_open(self) -> bool:
        """True while calls are refused."""
        return self._opened_at is not None

    def check(self) -> None:
        """Raise RuntimeDown with the reason while the circuit is open."""
        if self.is_open:
            raise self.down(self._reason)

    def down(self, reason: str) -> RuntimeDown:
        """Make the error of a failed call; its `retry_after` expects an outage to last as long again as it has."""
        opened_at, now = self._opened_at, self._clock()
        lasted = 0.0 if opened_at is None else now - opened_at
        seconds = min(max(1, math.ceil(lasted)), MAX_RETRY_AFTER)
        return RuntimeDown(reason, seconds)

    def failed(self, reason: str) -> None:
        """Count a failed call; several in a row open the circuit."""
        with self._lock:
            self._num_failures += 1
            opens = self.is_open or self._num_failures >= MAX_FAILURES
        if opens:
            self.open(reason)

    def succeeded(self) -> None:
        """Reset the count of failures. The circuit stays open: the call may have begun before the outage."""
        with self._lock:
            self._num_failures = 0

    def open(self, reason: str) -> None:
        """Open the circuit: refuse calls from now on."""
        with self._lock:
            news = not self.is_open or reason != self._reason
            self._reason = reason
            if self._opened_at is None:
                self._opened_at = self._clock()
        if news:
            logger.warning("%s; requests are refused until it answers again", reason)

    def close(self) -> None:
        """Close the circuit after a trial that worked: let calls through."""
        with self._lock:
            was_open, self._opened_at, self._num_failures = self.is_open, None, 0
        if was_open:
            logger.info("%s answers", self._server)

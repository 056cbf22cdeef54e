"""Whether a server that we depend on is there: while it is not, nobody waits to find out again.

Libraries (pybreaker, purgatory) let a client's request be the trial that closes a circuit; here whoever owns it tries.
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
    """Open until `close` is called for the first time; then `MAX_FAILURES` failures in a row open it. Thread-safe.

    `server` names what is behind it in messages; `clock` tells seconds.
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
        """Whether calls are refused."""
        return self._opened_at is not None

    def check(self) -> None:
        """Raises RuntimeDown while it is open, with the reason."""
        if self.is_open:
            raise self.down(self._reason)

    def down(self, reason: str) -> RuntimeDown:
        """The error for a call that failed. An outage is expected to last as long again as it has lasted."""
        opened_at, now = self._opened_at, self._clock()
        lasted = 0.0 if opened_at is None else now - opened_at
        seconds = min(max(1, math.ceil(lasted)), MAX_RETRY_AFTER)
        return RuntimeDown(reason, seconds)

    def failed(self, reason: str) -> None:
        """A call did not come through; several in a row open it."""
        with self._lock:
            self._num_failures += 1
            opens = self.is_open or self._num_failures >= MAX_FAILURES
        if opens:
            self.open(reason)

    def succeeded(self) -> None:
        """A call came through. That does not close it: the call may have started before the outage."""
        with self._lock:
            self._num_failures = 0

    def open(self, reason: str) -> None:
        """Refuse calls from now on."""
        with self._lock:
            news = not self.is_open or reason != self._reason
            self._reason = reason
            if self._opened_at is None:
                self._opened_at = self._clock()
        if news:
            logger.warning("%s; requests are sent away until it is well again", reason)

    def close(self) -> None:
        """It was tried and works: let calls through."""
        with self._lock:
            was_open, self._opened_at, self._num_failures = self.is_open, None, 0
        if was_open:
            logger.info("%s answers", self._server)

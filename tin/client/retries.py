"""Retries: the failures after which a request is sent again, and the waits between."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import httpx

from tin.client.errors import ServiceBusy

FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 8.0
SPREAD = 0.25
"""Clients that were refused together come back apart: a wait is up to this share longer."""


class Retries:
    """The waits of one call, which together with its tries end within `limit_seconds`.

    A busy service is asked again after its `Retry-After`. Without a connection the waits double. After any other
    failure the service may have worked on the request already, or would refuse it again.
    """

    def __init__(self, limit_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + limit_seconds
        self._next_wait = FIRST_WAIT_SECONDS

    def seconds_after(self, failure: Exception) -> float:
        """Return the seconds to wait before the next try; raises the failure where there is none."""
        seconds = self._wait_for(failure)
        if seconds is None or self._clock() + seconds > self._end:
            raise failure
        return seconds * random.uniform(1, 1 + SPREAD)  # noqa: S311 - not a secret

    def _wait_for(self, failure: Exception) -> float | None:
        match failure:
            case ServiceBusy():
                return failure.retry_after
            case httpx.ConnectError() | httpx.ConnectTimeout():
                seconds, self._next_wait = self._next_wait, min(2 * self._next_wait, LONGEST_WAIT_SECONDS)
                return seconds
        return None

"""Slots: one is taken at once, or Overloaded is raised."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

SECONDS_OF_OVERLOAD = 5.0
"""Time after a refusal for want of a slot in which the queue is kept short."""


class Overloaded(Exception):
    """No slot is free; `retry_after` is in whole seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message, retry_after)  # both are needed to unpickle it, as Ray does
        self.retry_after = retry_after

    def __str__(self) -> str:
        """The message alone."""
        return str(self.args[0])

    @classmethod
    def because(cls, reason: str, retry_after: int) -> Overloaded:
        """The refusal, with what to do in its message."""
        return cls(f"{reason}, which is the limit; send it again in {retry_after} s", retry_after)


class Slots:
    """At most `capacity` holders at a time; one more raises Overloaded. Used within one event loop.

    Args:
        capacity: The number of slots.
        holders: Named in refusals, such as "uploads under way".
        retry_after: Called when full; returns whole seconds.
        within: Other slots, of which a holder takes one as well.
    """

    def __init__(
        self, capacity: int, holders: str, retry_after: Callable[[], int], within: Slots | None = None
    ) -> None:
        self._capacity = capacity
        self._holders = holders
        self._retry_after = retry_after
        self._within = within
        self.num_taken = 0

    def check(self) -> None:
        """Raise Overloaded when no slot is free."""
        if self._within:
            self._within.check()
        self._check_free()

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold one slot; raises Overloaded."""
        self._check_free()
        with self._within.take() if self._within else nullcontext():
            self.num_taken += 1
            try:
                yield
            finally:
                self.num_taken -= 1

    @property
    def is_full(self) -> bool:
        """True when no slot is free."""
        return self.num_taken >= self._capacity

    def _check_free(self) -> None:
        if self.is_full:
            raise self._refusal()

    def _refusal(self) -> Overloaded:
        return Overloaded.because(f"{self._holders}: {self.num_taken}", self._retry_after())


class WorkSlots(Slots):
    """Slots of the videos waiting or in work, a full queue of which serves bursts.

    When more come than can be answered, a long queue only makes every answer late. So for SECONDS_OF_OVERLOAD after a
    check that found no slot, checks fail as well while the decoders are backed up. A video that passed one may still
    take any slot.

    Args:
        capacity: The number of slots.
        retry_after: Called when full; returns whole seconds.
        is_backed_up: True while enough videos wait to keep the decoders busy.
        clock: Returns seconds.
    """

    def __init__(
        self,
        capacity: int,
        retry_after: Callable[[], int],
        is_backed_up: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(capacity, "videos waiting or in work", retry_after)
        self._is_backed_up = is_backed_up
        self._clock = clock
        self._overloaded_until = -math.inf

    def check(self) -> None:
        """Raise Overloaded when no slot is free, or when the queue is to be short and is not."""
        if self.is_full:
            self._overloaded_until = self._clock() + SECONDS_OF_OVERLOAD
        super().check()
        if self._clock() < self._overloaded_until and self._is_backed_up():
            raise self._refusal()

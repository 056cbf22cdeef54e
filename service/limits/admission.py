"""Admission control: take a slot at once or raise Overloaded, before any byte of a video is read.

Uploads, videos in work and timelines have slots of their own, so that slow senders take no work from others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.limits.slots import Overloaded, Slots, WorkSlots


class KeyLimitExceeded(Overloaded):
    """One API key has as many requests under way as a key may have."""


class Draining(Exception):
    """The service is about to stop: requests are still answered, but new ones should go elsewhere."""


class ServiceTime:
    """Running mean of the seconds of work per video, divided by the number of workers that share the work.

    The newest video counts for `1 / window`, so that a change of clips shows within that many.
    """

    def __init__(self, workers: int, window: int = 32) -> None:
        self._workers = workers
        self._window = window
        self._num_seen = 0
        self.mean_seconds = 0.0
        """Between two finished videos while all workers are busy; 0 before the first one."""

    def add(self, seconds: float) -> None:
        """Count one video that took a worker this long."""
        self._num_seen = min(self._num_seen + 1, self._window)
        self.mean_seconds += (seconds / self._workers - self.mean_seconds) / self._num_seen

    def retry_after(self, num_videos: int) -> int:
        """Whole seconds until so many videos will be finished; at least 1."""
        return max(1, math.ceil(num_videos * self.mean_seconds))


class Admission:
    """The slots and the memory of all requests under way. Used within one event loop.

    Args:
        max_uploads: Bodies read at the same time.
        max_bytes_held: Memory of the bodies of all requests under way, in work or not, in bytes.
        max_queue: Videos waiting or in work, timelines among them.
        max_timelines: Timelines in work.
        max_per_key: Requests of any one API key.
        service_time: Of a video; `timeline_time` is the same of a timeline.
        is_backed_up: True while enough videos wait to keep the decoders busy, where that is known.
    """

    def __init__(
        self,
        *,
        max_uploads: int,
        max_bytes_held: int,
        max_queue: int,
        max_timelines: int,
        max_per_key: int,
        service_time: ServiceTime,
        is_backed_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self._max_bytes_held = max_bytes_held
        self._max_per_key = max_per_key
        self._num_of_key: Counter[str] = Counter()
        self.num_bytes_held = 0
        self.is_draining = False
        self.service_time = service_time
        self.timeline_time = ServiceTime(max_timelines)
        self.upload_slots = Slots(max_uploads, "uploads under way", self._until_empty)
        self.work_slots = WorkSlots(max_queue, self._until_empty, is_backed_up)
        self.timeline_slots = Slots(
            max_timelines, "timelines in work", lambda: self.timeline_time.retry_after(1), within=self.work_slots
        )

    @contextmanager
    def per_key_slot(self, key: str | None) -> Iterator[None]:
        """One of a key's slots, from request to answer; raises KeyLimitExceeded. Without a key there is no limit."""
        if key is None:
            yield
            return
        if self._num_of_key[key] >= self._max_per_key:
            message = f"requests of this key under way: {self._num_of_key[key]}, which is the limit"
            raise KeyLimitExceeded(message, self.service_time.retry_after(self._num_of_key[key]))
        self._num_of_key[key] += 1
        try:
            yield
        finally:
            self._num_of_key[key] -= 1

    @contextmanager
    def memory_budget(self) -> Iterator[MemoryReservation]:
        """The memory of one request's body: nothing yet, and freed when the request is over."""
        reservation = MemoryReservation(self)
        try:
            yield reservation
        finally:
            self.num_bytes_held -= reservation.num_bytes

    def check_memory(self, num_bytes: int) -> None:
        """Raise Overloaded when so many more bytes do not fit into memory."""
        if self.num_bytes_held + num_bytes > self._max_bytes_held:
            raise Overloaded.because(f"bytes held by uploads: {self.num_bytes_held:,}", self._until_empty())

    def check_staying(self) -> None:
        """Raise Draining once the service is about to stop."""
        if self.is_draining:
            raise Draining("the service is about to stop")

    def _until_empty(self) -> int:
        return self.service_time.retry_after(self.work_slots.num_taken)


class MemoryReservation:
    """The bytes that one body holds of the memory that all bodies share."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.num_bytes = 0

    def expect(self, num_bytes: int) -> None:
        """Raise Overloaded when a body of that size does not fit now; an announced size takes no memory."""
        self._admission.check_memory(num_bytes)

    def add(self, num_bytes: int) -> None:
        """Count bytes that were received; raises Overloaded when they do not fit."""
        self._admission.check_memory(num_bytes)
        self._admission.num_bytes_held += num_bytes
        self.num_bytes += num_bytes

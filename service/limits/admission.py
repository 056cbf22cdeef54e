"""Who may come in: a place is taken at once or not at all, before any byte of a video is read.

Uploads and work have places of their own, so that senders who are slow, or only pretend, take no work from others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from service.limits.service_time import ServiceTime


class Overloaded(Exception):
    """There is no place; `retry_after` is in whole seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class KeyLimitExceeded(Overloaded):
    """One key holds as many places as a key may."""


class Draining(Exception):
    """The service is about to stop: what comes is still answered, but should go elsewhere."""


class Admission:
    """Counts places for `max_uploads` bodies and `max_queue` videos, `max_per_key` of any one API key.

    The bodies of all requests under way, in work or not, take `max_bytes_held` at most. Used within one event loop.
    """

    def __init__(
        self, max_uploads: int, max_bytes_held: int, max_queue: int, max_per_key: int, service_time: ServiceTime
    ) -> None:
        self._max_uploads = max_uploads
        self._max_bytes_held = max_bytes_held
        self._max_queue = max_queue
        self._max_per_key = max_per_key
        self._num_of_key: Counter[str] = Counter()
        self._service_time = service_time
        self.num_uploads = 0
        self.num_bytes_held = 0
        self.num_queued = 0
        self.is_draining = False

    @contextmanager
    def per_key_slot(self, key: str | None) -> Iterator[None]:
        """One of a key's slots, from request to answer; raises KeyLimitExceeded. Without a key there is no limit."""
        if key is None:
            yield
            return
        if self._num_of_key[key] >= self._max_per_key:
            message = f"{self._num_of_key[key]} requests of this key are under way, which is all that one key may have"
            raise KeyLimitExceeded(message, self._service_time.retry_after(self._num_of_key[key]))
        self._num_of_key[key] += 1
        try:
            yield
        finally:
            self._num_of_key[key] -= 1

    @contextmanager
    def memory_budget(self) -> Iterator[MemoryReservation]:
        """The memory of one request's body, none yet; free again when the request is over."""
        reservation = MemoryReservation(self)
        try:
            yield reservation
        finally:
            self.num_bytes_held -= reservation.num_bytes

    @contextmanager
    def upload_slot(self) -> Iterator[None]:
        """A place to read one body; raises Overloaded, also when there would be no place to work on it."""
        self.check_room()
        if self.num_uploads >= self._max_uploads:
            raise self._overloaded(f"{self.num_uploads} uploads are under way")
        self.num_uploads += 1
        try:
            yield
        finally:
            self.num_uploads -= 1

    @contextmanager
    def work_slot(self) -> Iterator[None]:
        """A place to wait and to be worked on; raises Overloaded."""
        self.check_room()
        self.num_queued += 1
        try:
            yield
        finally:
            self.num_queued -= 1

    def check_memory(self, num_bytes: int) -> None:
        """Raises Overloaded when there is no memory for so many bytes more."""
        if self.num_bytes_held + num_bytes > self._max_bytes_held:
            raise self._overloaded(f"uploads reservation {self.num_bytes_held:,} bytes")

    def check_room(self) -> None:
        """Raises Overloaded when there is no place to work."""
        if self.num_queued >= self._max_queue:
            raise self._overloaded(f"{self.num_queued} videos are waiting or in work")

    def check_staying(self) -> None:
        """Raises Draining once the service has been told to stop."""
        if self.is_draining:
            raise Draining("the service is about to stop")

    def _overloaded(self, reason: str) -> Overloaded:
        seconds = self._service_time.retry_after(self.num_queued)
        return Overloaded(f"{reason}, which is all that are taken; send it again in {seconds} s", seconds)


class MemoryReservation:
    """What one body holds of the memory that all bodies share."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.num_bytes = 0

    def expect(self, num_bytes: int) -> None:
        """Raises Overloaded when a body of that size has no room now; what is only announced takes none."""
        self._admission.check_memory(num_bytes)

    def add(self, num_bytes: int) -> None:
        """So many more have come; raises Overloaded when there is no room for them."""
        self._admission.check_memory(num_bytes)
        self._admission.num_bytes_held += num_bytes
        self.num_bytes += num_bytes

"""Who may come in: a place is taken at once or not at all, before any byte of a video is read.

Uploads and work have places of their own, so that senders who are slow, or only pretend, take no work from others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from service.service_time import ServiceTime


class Overloaded(Exception):
    """There is no place; `retry_after` is in whole seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Draining(Exception):
    """The service is about to stop: what comes is still answered, but should go elsewhere."""


class Admission:
    """Counts places for `max_uploads` bodies and `max_queue` videos; used within one event loop."""

    def __init__(self, max_uploads: int, max_queue: int, service_time: ServiceTime) -> None:
        self._max_uploads = max_uploads
        self._max_queue = max_queue
        self._service_time = service_time
        self.num_uploads = 0
        self.num_queued = 0
        self.is_draining = False

    @contextmanager
    def uploading(self) -> Iterator[None]:
        """A place to read one body; raises Overloaded, also when there would be no place to work on it."""
        self._check_queue()
        if self.num_uploads >= self._max_uploads:
            raise self._overloaded(f"{self.num_uploads} uploads are under way")
        self.num_uploads += 1
        try:
            yield
        finally:
            self.num_uploads -= 1

    @contextmanager
    def working(self) -> Iterator[None]:
        """A place to wait and to be worked on; raises Overloaded."""
        self._check_queue()
        self.num_queued += 1
        try:
            yield
        finally:
            self.num_queued -= 1

    def check_staying(self) -> None:
        """Raises Draining once the service has been told to stop."""
        if self.is_draining:
            raise Draining("the service is about to stop")

    def _check_queue(self) -> None:
        if self.num_queued >= self._max_queue:
            raise self._overloaded(f"{self.num_queued} videos are waiting or in work")

    def _overloaded(self, reason: str) -> Overloaded:
        seconds = max(1, math.ceil(self.num_queued * self._service_time.mean_seconds))
        return Overloaded(f"{reason}, which is all that are taken; send it again in {seconds} s", seconds)

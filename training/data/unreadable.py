"""Tally of unreadable items: each is reported once, and too many end the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from training.data.batch import Batch
from training.data.readers import UnreadableItem
from training.errors import Stopped


class TooManyUnreadable(Stopped):
    """More items than the limit cannot be read; the message names count, limit and last item."""


class UnreadableTally:
    """Counts distinct unreadable items; calls `report` with a line of path and reason for each."""

    def __init__(self, limit: int, report: Callable[[str], None]) -> None:
        self._limit = limit
        self._report = report
        self._paths: set[Path] = set()

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches; raise TooManyUnreadable before the one that exceeds the limit."""
        for batch in batches:
            for error in batch.unreadable:
                self._count(error)
            yield batch

    def _count(self, error: UnreadableItem) -> None:
        if error.path in self._paths:
            return
        self._paths.add(error.path)
        self._report(str(error))
        if len(self._paths) > self._limit:
            raise TooManyUnreadable(
                f"{len(self._paths)} of the items cannot be read and the limit is {self._limit}; the last is {error}; "
                "repair them, or take them out of the list"
            )

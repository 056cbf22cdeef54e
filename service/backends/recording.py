"""Recording lock: work on GPUs goes on side by side, except while a CUDA graph is recorded.

Most runtimes record in CUDA's global mode, in which a call of another thread that allocates or copies spoils the graph,
also one on another GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class RecordingLock:
    """Shared by any number of threads that use GPUs, or held by the one that records."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._num_using = 0
        self._num_recorders = 0
        self._is_recording = False

    @contextmanager
    def using(self) -> Iterator[None]:
        """Send work to a GPU in the block, which begins when nobody records or waits to."""
        with self._changed:
            self._changed.wait_for(lambda: not self._num_recorders)
            self._num_using += 1
        try:
            yield
        finally:
            with self._changed:
                self._num_using -= 1
                self._changed.notify_all()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record a graph in the block, which begins when nobody else uses a GPU."""
        with self._changed:
            self._num_recorders += 1
            self._changed.wait_for(lambda: not self._num_using and not self._is_recording)
            self._is_recording = True
        try:
            yield
        finally:
            with self._changed:
                self._num_recorders -= 1
                self._is_recording = False
                self._changed.notify_all()


RECORDING = RecordingLock()
"""Of this process."""

"""Staging of clips: pinned and device memory in pairs, so that a batch is copied while the one before it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np

from service.backends import cuda
from service.backends.base import Clips

NUM_SLOTS = 2
"""One for the batch that runs, one for the next."""


@dataclass(frozen=True, eq=False)
class Slot:
    """Memory for the clips of one batch: pinned, and on the device from `staged` on, an event."""

    host: Clips
    device: int
    staged: Any


class Staging:
    """Slots that are filled on a stream of their own, beside what runs on the GPU. Safe to use from several threads.

    Args:
        num_clips: clips that a slot holds.
        clip: shape of a clip.
        resources: owner of the memory.
    """

    def __init__(self, num_clips: int, clip: tuple[int, ...], resources: ExitStack) -> None:
        self._stream = cuda.create_stream(resources)
        self.slots = tuple(_make_slot((num_clips, *clip), resources) for _ in range(NUM_SLOTS))
        self._free: SimpleQueue[Slot] = SimpleQueue()
        for slot in self.slots:
            self._free.put(slot)

    @contextmanager
    def staged(self, clips: Clips) -> Iterator[Slot]:
        """Hold a slot in which the clips are on their way to the device; waits for a free one. Raises CudaError."""
        slot = self._free.get()
        try:
            part = slot.host[: len(clips)]
            part[:] = clips
            cuda.upload(part, slot.device, self._stream)
            cuda.record_event(slot.staged, self._stream)
            yield slot
        finally:
            self._free.put(slot)


def _make_slot(shape: tuple[int, ...], resources: ExitStack) -> Slot:
    host = cuda.allocate_pinned(resources, shape, np.uint8)
    return Slot(host, cuda.allocate_device(resources, host.nbytes), cuda.create_event(resources))

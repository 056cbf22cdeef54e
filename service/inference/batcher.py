"""Dynamic batching: while the model runs one batch, the next one forms from the clips of waiting requests."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread

from service.backends.base import Clips, Outputs, RemoteBackend, infer_together
from service.models.registry import LoadedModel


@dataclass(frozen=True)
class Inferred:
    """One request's outputs, and their batch: its number of clips, its start in s since the epoch, its seconds."""

    outputs: Outputs
    batch_size: int
    started_at: float
    seconds: float


@dataclass(frozen=True, eq=False)
class _Entry:
    model: LoadedModel
    clips: Clips
    answer: asyncio.Future[Inferred]

    def fits(self, other: _Entry) -> bool:
        return self.model.backend is other.model.backend and self.clips.shape[1:] == other.clips.shape[1:]


class Batcher:
    """Runs one batch at a time, of whichever model: a batch has all cores, or the GPU, to itself.

    A batch holds at most `backend.max_batch_size` clips, except that the views of one request stay together.
    Remote backends are called at once: their servers form batches themselves.

    Args:
        observe_batch: Called with the name and version of the model, and the number of clips, of each batch.
    """

    def __init__(self, observe_batch: Callable[[tuple[str, str], int], None]) -> None:
        self._observe_batch = observe_batch
        self._waiting: list[_Entry] = []
        self._remote_calls = CapacityLimiter(math.inf)
        self._arrived = asyncio.Event()

    async def infer(self, model: LoadedModel, clips: Clips) -> Inferred:
        """Run the model on uint8 clips [N, T, H, W, 3] in a batch with others.

        Raises InferenceFailed and TryLater. When this is cancelled before its batch has formed, the clips are not run.
        """
        if isinstance(model.backend, RemoteBackend):
            return await self._infer_remotely(model.backend, clips)
        entry = _Entry(model, clips, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        self._arrived.set()
        return await entry.answer

    async def run(self) -> None:
        """Run batches until cancelled."""
        while True:
            await self._arrived.wait()
            batch = self._next_batch()
            if batch:
                self._observe_batch(batch[0].model.key, sum(len(entry.clips) for entry in batch))
                await _answer(batch)
            else:
                self._arrived.clear()

    async def _infer_remotely(self, backend: RemoteBackend, clips: Clips) -> Inferred:
        started_at, started = time.time(), time.perf_counter()
        outputs = await to_thread.run_sync(backend.infer, clips, abandon_on_cancel=True, limiter=self._remote_calls)
        return Inferred(outputs, len(clips), started_at, time.perf_counter() - started)

    def _next_batch(self) -> list[_Entry]:
        """The oldest request and those that fit into its batch; cancelled requests are dropped."""
        self._waiting = [entry for entry in self._waiting if not entry.answer.done()]
        batch = self._waiting[:1]
        for entry in self._waiting[1:]:
            num_clips = sum(len(each.clips) for each in [*batch, entry])
            if entry.fits(batch[0]) and num_clips <= entry.model.backend.max_batch_size:
                batch.append(entry)
        self._waiting = [entry for entry in self._waiting if entry not in batch]
        return batch


async def _answer(batch: list[_Entry]) -> None:
    started_at, started = time.time(), time.perf_counter()
    try:
        clips = [entry.clips for entry in batch]
        outputs = await to_thread.run_sync(infer_together, batch[0].model.backend, clips)
    except Exception as error:  # the loop must outlive any
        for entry in batch:
            _settle(entry, error)
        return
    seconds = time.perf_counter() - started
    batch_size = sum(len(entry.clips) for entry in batch)
    for entry, part in zip(batch, outputs, strict=True):
        _settle(entry, Inferred(part, batch_size, started_at, seconds))


def _settle(entry: _Entry, result: Inferred | Exception) -> None:
    if entry.answer.done():
        return
    if isinstance(result, Exception):
        entry.answer.set_exception(result)
    else:
        entry.answer.set_result(result)

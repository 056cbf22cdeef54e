"""Dynamic batching: while the model runs one batch, the next one forms from the clips of waiting requests."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from anyio import CapacityLimiter, create_task_group, to_thread

from service.backends.base import Backend, Clips, Outputs, RemoteBackend, calls_at_once, split_outputs
from service.models.versions import LoadedModel
from service.telemetry.run_statistics import Run


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
    arrived: int = field(default_factory=time.perf_counter_ns)
    """In ns of `time.perf_counter_ns`."""

    def fits(self, other: _Entry) -> bool:
        return self.model.backend is other.model.backend and self.clips.shape[1:] == other.clips.shape[1:]


@dataclass(frozen=True)
class _Device:
    """A device by its place among those of the models' replicas."""

    place: int
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a request came or a batch ended."""
    running: list[Backend] = field(default_factory=list)
    """The replica of each batch that runs or is copied to the device."""

    def runs(self, entry: _Entry) -> bool:
        """Return True if the entry's model has a replica here, which one that runs on the CPU has on the first only."""
        return self.place < len(entry.model.replicas)

    def replica_of(self, entry: _Entry) -> Backend:
        """Return the replica that runs the entry here."""
        return entry.model.replicas[self.place]

    def has_room(self, replica: Backend, *, is_full: bool) -> bool:
        """Return True if a batch can begin: on an idle device, or a full one to be copied beside one that runs.

        A batch that is not full waits, since others may join it until the device is idle.
        """
        if not self.running:
            return True
        return is_full and self.running[0] is replica and len(self.running) < calls_at_once(replica)


class Batcher:
    """Runs one batch at a time on each device, of whichever model: a batch has all cores, or the GPU, to itself.

    A batch holds at most `backend.max_batch_size` clips, except that the views of one request stay together. A backend
    that stages gets the next batch of its model as soon as it is full, and copies it while the one before runs.
    Remote backends are called at once: their servers form batches themselves.

    Args:
        observe: Called with each run, also with those that failed.
        num_devices: Devices with a replica of each model; a model of fewer replicas runs on the first ones only.
    """

    def __init__(self, observe: Callable[[Run], None], num_devices: int = 1) -> None:
        self._observe = observe
        self._waiting: list[_Entry] = []
        self._remote_calls = CapacityLimiter(math.inf)
        self._devices = [_Device(place) for place in range(num_devices)]

    async def infer(self, model: LoadedModel, clips: Clips) -> Inferred:
        """Run the model on uint8 clips [N, T, H, W, 3] in a batch with others.

        Raises InferenceFailed and TryLater. When this is cancelled before its batch has formed, the clips are not run.
        """
        if model.remote is not None:
            return await self._infer_remotely(model, model.remote, clips)
        entry = _Entry(model, clips, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        for device in self._devices:
            device.changed.set()
        return await entry.answer

    async def run(self) -> None:
        """Run batches until cancelled."""
        async with create_task_group() as devices:
            for device in self._devices:
                devices.start_soon(self._run_on, device)

    async def _run_on(self, device: _Device) -> None:
        async with create_task_group() as batches:
            while True:
                await device.changed.wait()
                if batch := self._next_batch(device):
                    replica = device.replica_of(batch[0])
                    device.running.append(replica)
                    batches.start_soon(self._run_batch, device, batch, replica)
                else:
                    device.changed.clear()

    async def _run_batch(self, device: _Device, batch: list[_Entry], replica: Backend) -> None:
        try:
            self._observe(await _answer(batch, replica))
        finally:
            device.running.remove(replica)
            device.changed.set()

    async def _infer_remotely(self, model: LoadedModel, backend: RemoteBackend, clips: Clips) -> Inferred:
        started_at, started, failed = time.time(), time.perf_counter_ns(), True
        try:
            outputs = await to_thread.run_sync(backend.infer, clips, abandon_on_cancel=True, limiter=self._remote_calls)
            failed = False
        finally:
            elapsed = time.perf_counter_ns() - started
            self._observe(Run(model.key, (len(clips),), (0,), 0, elapsed, 0, time.time(), failed=failed))
        return Inferred(outputs, len(clips), started_at, elapsed / 1e9)

    def _next_batch(self, device: _Device) -> list[_Entry]:
        """The device's oldest request and those that fit into its batch; cancelled requests are dropped.

        Empty when nothing waits, or when the batch cannot begin yet.
        """
        self._waiting = [entry for entry in self._waiting if not entry.answer.done()]
        suited = [entry for entry in self._waiting if device.runs(entry)]
        batch, is_full = _form_batch(suited)
        if not batch or not device.has_room(device.replica_of(batch[0]), is_full=is_full):
            return []
        self._waiting = [entry for entry in self._waiting if entry not in batch]
        return batch


def _form_batch(entries: Sequence[_Entry]) -> tuple[list[_Entry], bool]:
    """Return the first entry and those that fit into its batch; and True if no other of its model would."""
    batch: list[_Entry] = []
    num_clips, is_full = 0, False
    for entry in entries:
        if not batch or entry.fits(batch[0]):
            if batch and num_clips + len(entry.clips) > entry.model.backend.max_batch_size:
                is_full = True
                continue
            batch.append(entry)
            num_clips += len(entry.clips)
    return batch, is_full or (bool(batch) and num_clips >= batch[0].model.backend.max_batch_size)


async def _answer(batch: list[_Entry], replica: Backend) -> Run:
    started_at, started = time.time(), time.perf_counter_ns()
    try:
        clips = [entry.clips for entry in batch]
        outputs, stages = await to_thread.run_sync(_infer, replica, clips, started)
    except Exception as error:  # the loop must outlive any
        for entry in batch:
            _settle(entry, error)
        return _run_of(batch, started, (0, time.perf_counter_ns() - started, 0), failed=True)
    seconds = sum(stages) / 1e9
    batch_size = sum(len(entry.clips) for entry in batch)
    for entry, part in zip(batch, outputs, strict=True):
        _settle(entry, Inferred(part, batch_size, started_at, seconds))
    return _run_of(batch, started, stages)


def _infer(backend: Backend, clips: Sequence[Clips], started: int) -> tuple[list[Outputs], tuple[int, int, int]]:
    """Run the clips of several requests in one call; also returns the ns of joining, inference and splitting."""
    together = clips[0] if len(clips) == 1 else np.concatenate(clips)
    joined = time.perf_counter_ns()
    outputs = backend.infer(together)
    inferred = time.perf_counter_ns()
    parts = split_outputs(outputs, [len(each) for each in clips])
    return parts, (joined - started, inferred - joined, time.perf_counter_ns() - inferred)


def _run_of(batch: list[_Entry], started: int, stages: tuple[int, int, int], *, failed: bool = False) -> Run:
    queue_ns = tuple(started - entry.arrived for entry in batch)
    return Run(
        batch[0].model.key, tuple(len(entry.clips) for entry in batch), queue_ns, *stages, time.time(), failed=failed
    )


def _settle(entry: _Entry, result: Inferred | Exception) -> None:
    if entry.answer.done():
        return
    if isinstance(result, Exception):
        entry.answer.set_exception(result)
    else:
        entry.answer.set_result(result)

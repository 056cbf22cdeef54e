"""A pool of decoders, one per core; a worker that is lost costs its own request only.

Each worker has a pipe of its own. Libraries whose workers share one (pebble, concurrent.futures) give up as a whole, or
hang, when a worker is killed at the wrong moment.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from anyio import CapacityLimiter, to_thread

from clips.cpu_quota import usable_cores
from clips.model_input import ModelInput
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder
from service.decoding.sandbox.confinement import Sandbox

SECONDS_BEFORE_ANOTHER_TRY = 1.0

MAX_THREADS = 8
"""Threads for one video; a prediction needs eight frames, and each thread takes memory."""

logger = logging.getLogger("service")


class DecoderPool:
    """Hands jobs to `size` workers, in the order they come; made and used within one event loop."""

    def __init__(self, size: int, max_memory_bytes: int) -> None:
        self._size = size
        self._cores = min(size, usable_cores())
        self._max_memory_bytes = max_memory_bytes
        self._idle: asyncio.Queue[Decoder] = asyncio.Queue()
        self._num_waiting = 0
        self._threads = CapacityLimiter(2 * size)
        self._replacements: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start the workers; raises OSError where the system has no room for them."""
        for _ in range(self._size):
            self._idle.put_nowait(decoder := await self._start_one())
        if decoder.sandbox is Sandbox.NONE:
            logger.warning("no sandbox confines the decoders: the kernel offers them neither seccomp nor Landlock")

    async def preprocess(self, job: DecodeJob) -> ModelInput:
        """Run `Decoder.preprocess` in the next idle worker, on a thread for each core that is idle.

        When this is cancelled, that worker is killed.
        """
        decoder = await self._next()
        job = replace(job, threads=self._threads_for_one())
        try:
            return await self._run(decoder, job)
        except asyncio.CancelledError:
            decoder.kill()
            raise
        finally:
            self._take_back(decoder)

    def is_backed_up(self) -> bool:
        """True while so many jobs wait for a worker that none stays idle between two: half as many as workers."""
        return 2 * self._num_waiting >= self._size

    async def close(self) -> None:
        """End the workers; no job may be in work any more."""
        for task in self._replacements:
            task.cancel()
        while not self._idle.empty():
            await to_thread.run_sync(self._idle.get_nowait().close)

    def _threads_for_one(self) -> int:
        """Return the number of threads for a job that begins now: one for each core that no other job has."""
        others = self._size - 1 - self._idle.qsize()
        return min(max(1, self._cores - others), MAX_THREADS)

    async def _run(self, decoder: Decoder, job: DecodeJob) -> ModelInput:
        # A thread only where something has to be waited for: its hop costs as much as all the rest.
        if not decoder.begins_at_once(job):
            return await self._in_thread(decoder.preprocess, job)
        decoder.begin(job)
        await _readable(decoder)
        return decoder.finish(job) if decoder.finishes_at_once() else await self._in_thread(decoder.finish, job)

    async def _in_thread(self, run: Callable[[DecodeJob], ModelInput], job: DecodeJob) -> ModelInput:
        return await to_thread.run_sync(run, job, abandon_on_cancel=True, limiter=self._threads)

    async def _next(self) -> Decoder:
        self._num_waiting += 1
        try:
            while not (decoder := await self._idle.get()).is_alive:
                self._take_back(decoder)
            return decoder
        finally:
            self._num_waiting -= 1

    def _take_back(self, decoder: Decoder) -> None:
        if decoder.is_alive:
            self._idle.put_nowait(decoder)
            return
        replacement = asyncio.create_task(self._replace(decoder))
        self._replacements.add(replacement)
        replacement.add_done_callback(self._replacements.discard)

    async def _replace(self, lost: Decoder) -> None:
        await to_thread.run_sync(lost.close)
        while True:
            try:
                self._idle.put_nowait(await self._start_one())
                return
            except OSError as error:
                logger.error("a decoder cannot be started: %s", error)
                await asyncio.sleep(SECONDS_BEFORE_ANOTHER_TRY)

    async def _start_one(self) -> Decoder:
        return await to_thread.run_sync(Decoder, self._max_memory_bytes)


async def _readable(decoder: Decoder) -> None:
    """Wait until an answer of the decoder begins, or its pipe ends."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    descriptor = decoder.fileno()
    loop.add_reader(descriptor, _settle, readable)
    try:
        await readable
    finally:
        loop.remove_reader(descriptor)


def _settle(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)

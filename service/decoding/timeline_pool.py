"""Decoders of long videos: each timeline gets a worker of its own, which ends with it.

So POST /predict never waits for a timeline, and nothing that a timeline leaves behind reaches another request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from anyio import CapacityLimiter, to_thread

from clips.model_input import TimelinePart
from clips.windows import Windowing
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder, DecoderEnded


class TimelinePool:
    """Starts a worker per timeline, on threads for `size` of them; used within one event loop."""

    def __init__(self, size: int, max_memory_bytes: int) -> None:
        self._max_memory_bytes = max_memory_bytes
        self._threads = CapacityLimiter(2 * size)

    async def windows(
        self, job: DecodeJob, windowing: Windowing, first_window: int = 0
    ) -> AsyncGenerator[TimelinePart, None]:
        """Run `Decoder.windows` in a new worker. When this is cancelled or closed early, the worker is killed."""
        decoder = await self._start()
        try:
            parts = decoder.windows(job, windowing, first_window)
            while (part := await self._next(parts)) is not None:
                yield part
        finally:
            decoder.kill()
            await to_thread.run_sync(decoder.close, limiter=self._threads)

    async def _start(self) -> Decoder:
        try:
            return await to_thread.run_sync(Decoder, self._max_memory_bytes, limiter=self._threads)
        except OSError as error:
            raise DecoderEnded("no decoder can be started now; send the video again") from error

    async def _next(self, parts: Iterator[TimelinePart]) -> TimelinePart | None:
        return await to_thread.run_sync(next, parts, None, abandon_on_cancel=True, limiter=self._threads)

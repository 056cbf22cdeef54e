"""Children that decode long videos: a timeline has one of its own, which ends with it.

So POST /predict never waits for one of them, and nothing that a timeline leaves behind reaches another request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from anyio import CapacityLimiter, to_thread

from clips.clip_spec import ClipSpec
from clips.decoding.limits import DecodeLimits
from clips.window_preprocess import TimelinePart
from clips.windows import Windowing
from service.decoding.process import Decoder, DecoderEnded
from service.limits.admission import Overloaded
from service.limits.service_time import ServiceTime


class TimelineDecoders:
    """Places for `size` timelines at the same time; used within one event loop."""

    def __init__(self, size: int, max_memory_bytes: int) -> None:
        self._size = size
        self._max_memory_bytes = max_memory_bytes
        self._num_taken = 0
        self._threads = CapacityLimiter(2 * size)
        self.service_time = ServiceTime(size)

    def check_place(self) -> None:
        """Raises Overloaded when all places are taken."""
        if self._num_taken >= self._size:
            seconds = self.service_time.retry_after(1)
            told = f"as many timelines are under way as are made at the same time ({self._size})"
            raise Overloaded(f"{told}; send it again in {seconds} s", seconds)

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the places, or Overloaded."""
        self.check_place()
        self._num_taken += 1
        try:
            yield
        finally:
            self._num_taken -= 1

    async def windows(
        self, video: bytes, spec: ClipSpec, limits: DecodeLimits, windowing: Windowing
    ) -> AsyncGenerator[TimelinePart, None]:
        """`Decoder.windows` in a new child. When this is cancelled or closed early, the child is killed."""
        decoder = await self._start()
        try:
            parts = decoder.windows(video, spec, limits, windowing)
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

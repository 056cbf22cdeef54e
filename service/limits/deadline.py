"""When work for a request ends early: its time is over, or nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """The answer would come too late."""


@dataclass(frozen=True)
class MinUploadRate:
    """How long a sender is waited for: `grace_seconds`, and a second more for each `bytes_per_second` that came."""

    grace_seconds: float
    bytes_per_second: int

    def seconds_for(self, num_bytes: int) -> float:
        """When, from the start, more than so many bytes must have come."""
        return self.grace_seconds + num_bytes / self.bytes_per_second


async def in_time(work: Awaitable[T], seconds: float) -> T:
    """The work's result; cancels it and raises DeadlineExceeded after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise DeadlineExceeded(f"no answer within {seconds:g} s; send a shorter video, or later") from error


async def while_connected(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """The work's result; cancels it and raises ClientDisconnect when the client leaves. The body has been read."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_disconnection(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.wait({working, leaving})


async def _disconnection(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

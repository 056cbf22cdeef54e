"""Deadlines: work for a request ends when its time is over or its client has left."""

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
    """The slowest sender that is waited for: `grace_seconds`, and a second more per `bytes_per_second` received."""

    grace_seconds: float
    bytes_per_second: int

    def seconds_for(self, num_bytes: int) -> float:
        """Seconds from the start by which more than so many bytes must have been received."""
        return self.grace_seconds + num_bytes / self.bytes_per_second


async def in_time(work: Awaitable[T], seconds: float) -> T:
    """Return the work's result; cancel it and raise DeadlineExceeded after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise DeadlineExceeded(f"no answer within {seconds:g} s; send a shorter video, or later") from error


async def while_connected(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """Return the work's result; cancel it and raise ClientDisconnect when the client leaves.

    To be called after the request's body has been read.
    """
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

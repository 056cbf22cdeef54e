"""Loss of a cluster's nodes, noticed by those who wait for an answer.

Replicas answer over gRPC. A connection to a node without power stays open, as nobody is there to close it; Ray's head
misses the node's heartbeats. Where a call runs is not known, so all that wait then are told to ask another replica.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import ray

T = TypeVar("T")

POLL_SECONDS = 5.0
"""Less than Ray's head takes to give a silent node up, so that the first poll still counts it as alive."""


class NodeLost(Exception):
    """A node was lost while a replica, there or elsewhere, worked on the request."""


def alive_nodes() -> frozenset[str]:
    """Return the ids of the nodes that Ray counts as alive."""
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    return frozenset(node["NodeID"] for node in nodes if node["Alive"])


class NodeLosses:
    """Ends all waiting with NodeLost when a node is lost; used within one event loop at a time.

    Args:
        alive: Returns the ids of the nodes that are alive; called in a thread.
        poll_seconds: Time between two calls, which are made only while somebody waits.
    """

    def __init__(self, alive: Callable[[], frozenset[str]] = alive_nodes, poll_seconds: float = POLL_SECONDS) -> None:
        self._alive = alive
        self._poll_seconds = poll_seconds
        self._num_waiting = 0
        self._polling: asyncio.Task[None] | None = None
        self._lost: asyncio.Future[None]

    async def watched(self, answer: Awaitable[T]) -> T:
        """Return the answer, or raise what it raises; when a node is lost before, cancel it and raise NodeLost."""
        self._poll_while_waiting()
        working = asyncio.ensure_future(_awaited(answer))
        self._num_waiting += 1
        try:
            await asyncio.wait((working, self._lost), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise NodeLost("a node was lost")
            return working.result()
        finally:
            self._num_waiting -= 1
            working.cancel()

    async def watched_parts(self, parts: AsyncIterator[T]) -> AsyncIterator[T]:
        """Yield what `parts` yields; raises NodeLost when a node is lost while the next one is awaited."""
        while True:
            try:
                part = await self.watched(anext(parts))
            except StopAsyncIteration:
                return
            yield part

    def _poll_while_waiting(self) -> None:
        if self._polling is None or self._polling.done():
            self._lost = asyncio.get_running_loop().create_future()
            self._polling = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        before: frozenset[str] = frozenset()
        while True:
            await asyncio.sleep(self._poll_seconds)
            if not self._num_waiting:
                return
            now = await asyncio.to_thread(self._alive)
            if before - now:
                self._lost.set_result(None)
                self._lost = asyncio.get_running_loop().create_future()
            before = now


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer

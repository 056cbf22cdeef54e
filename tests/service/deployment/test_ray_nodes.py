import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.helpers.servers.ray_cluster import require_ray

require_ray()

from service.deployment.ray_nodes import NodeLosses, NodeLost  # noqa: E402

BOTH, ONE = frozenset({"head", "worker"}), frozenset({"head"})


def losses(*alive: frozenset[str]) -> NodeLosses:
    """Watch nodes that are alive as stated, the last state for good."""
    states = iter(alive)

    def now() -> frozenset[str]:
        return next(states, alive[-1])

    return NodeLosses(now, poll_seconds=0.001)


async def never() -> None:
    await asyncio.Event().wait()


def test_an_answer_passes():
    assert asyncio.run(losses(BOTH).watched(asyncio.sleep(0, "answer"))) == "answer"


def test_an_error_passes():
    async def fail() -> None:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        asyncio.run(losses(BOTH).watched(fail()))


def test_a_lost_node_ends_waiting_and_cancels_the_call():
    ended: list[type[BaseException]] = []

    async def call() -> None:
        try:
            await never()
        except asyncio.CancelledError as error:
            ended.append(type(error))
            raise

    async def wait() -> None:
        with pytest.raises(NodeLost):
            await losses(BOTH, ONE).watched(call())
        await asyncio.sleep(0)

    asyncio.run(wait())
    assert ended == [asyncio.CancelledError]


def test_a_loss_ends_only_those_that_wait_then():
    async def wait() -> str:
        watch = losses(BOTH, ONE)
        with pytest.raises(NodeLost):
            await watch.watched(never())
        return await watch.watched(asyncio.sleep(0.02, "answer"))

    assert asyncio.run(wait()) == "answer"


@pytest.mark.parametrize("alive", [(BOTH, BOTH), (ONE, BOTH)])
def test_nodes_that_stay_or_come_end_nothing(alive):
    assert asyncio.run(losses(*alive).watched(asyncio.sleep(0.02, "answer"))) == "answer"


def test_cancelling_the_wait_cancels_the_call():
    async def wait() -> bool:
        call = asyncio.create_task(never())
        waiting = asyncio.create_task(losses(BOTH).watched(call))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(0.01)
        return call.cancelled()

    assert asyncio.run(wait())


def test_nothing_is_polled_without_a_call():
    polls = 0

    def alive() -> frozenset[str]:
        nonlocal polls
        polls += 1
        return BOTH

    async def wait() -> int:
        watch = NodeLosses(alive, poll_seconds=0.001)
        await watch.watched(asyncio.sleep(0.01))
        await asyncio.sleep(0.01)
        after = polls
        await asyncio.sleep(0.01)
        return polls - after

    assert asyncio.run(wait()) == 0
    assert polls > 0


def test_parts_pass_until_a_node_is_lost():
    async def parts() -> AsyncIterator[int]:
        yield 1
        yield 2
        await never()

    async def receive(received: list[int]) -> None:
        async for part in losses(BOTH, BOTH, ONE).watched_parts(parts()):
            received.append(part)  # noqa: PERF401 - those before the loss

    received: list[int] = []
    with pytest.raises(NodeLost):
        asyncio.run(receive(received))
    assert received == [1, 2]


def test_parts_that_end_end():
    async def parts() -> AsyncIterator[int]:
        yield 1

    async def received() -> list[int]:
        return [part async for part in losses(BOTH).watched_parts(parts())]

    assert asyncio.run(received()) == [1]

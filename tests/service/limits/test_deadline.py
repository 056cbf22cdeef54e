import asyncio

import pytest
from starlette.requests import ClientDisconnect

from service.limits.deadline import DeadlineExceeded, in_time, while_connected


class Work:
    """Takes a while, and notes when it is cancelled."""

    def __init__(self):
        self.is_cancelled = False

    async def __call__(self, seconds):
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise
        return "done"


async def stays():
    await asyncio.sleep(10)


async def leaves():
    await asyncio.sleep(0.02)
    return {"type": "http.disconnect"}


def test_work_in_time_is_answered():
    assert asyncio.run(while_connected(in_time(Work()(0.01), 5), stays)) == "done"


def test_work_that_is_late_is_cancelled():
    work = Work()
    with pytest.raises(DeadlineExceeded, match=r"0\.02 s"):
        asyncio.run(in_time(work(10), 0.02))
    assert work.is_cancelled


def test_work_is_cancelled_when_nobody_waits_for_it():
    work = Work()
    with pytest.raises(ClientDisconnect):
        asyncio.run(while_connected(work(10), leaves))
    assert work.is_cancelled


def test_the_works_own_failure_is_told():
    async def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(while_connected(fail(), stays))

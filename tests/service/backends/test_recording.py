"""Recording lock: users side by side, recorders alone, and neither waits for ever."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from service.backends.recording import RecordingLock


@pytest.fixture
def threads():
    with ThreadPoolExecutor(4) as threads:
        yield threads


def hold(block, entered, leave):
    with block():
        entered.set()
        assert leave.wait(10)


def test_users_are_side_by_side(threads):
    lock, both = RecordingLock(), Barrier(2, timeout=10)

    def use():
        with lock.using():
            both.wait()

    for done in [threads.submit(use), threads.submit(use)]:
        done.result()


@pytest.mark.parametrize(("first", "second"), [("using", "recording"), ("recording", "using"), ("recording",) * 2])
def test_a_recorder_is_alone(threads, first, second):
    lock, entered, leave, later = RecordingLock(), Event(), Event(), Event()
    holding = threads.submit(hold, getattr(lock, first), entered, leave)
    assert entered.wait(10)
    waiting = threads.submit(hold, getattr(lock, second), later, leave)
    assert not later.wait(0.05)
    leave.set()
    holding.result(10)
    waiting.result(10)


def test_a_recorder_does_not_wait_for_users_who_come_later(threads):
    lock, order, entered, leave = RecordingLock(), [], Event(), Event()

    def note(block, name):
        with block():
            order.append(name)

    first = threads.submit(hold, lock.using, entered, leave)
    assert entered.wait(10)
    recorder = threads.submit(note, lock.recording, "recorder")
    while not lock._num_recorders:
        assert not recorder.done()
    later = threads.submit(note, lock.using, "user")
    leave.set()
    for done in (first, recorder, later):
        done.result(10)
    assert order == ["recorder", "user"]


def test_what_fails_in_a_block_leaves_it():
    lock = RecordingLock()
    for block in (lock.using, lock.recording, lock.using, lock.recording):
        with pytest.raises(ZeroDivisionError), block():
            1 / 0  # noqa: B018

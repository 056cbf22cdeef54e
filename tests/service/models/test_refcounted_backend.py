"""Reference-counted backend: closed once, after the last request that holds it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from service.backends.base import Backend, Clips, Outputs, RemoteBackend, RuntimeDown
from service.models.refcounted_backend import RefcountedBackend, refcounted
from tests.helpers.fakes.fake_backend import FakeBackend

CLIPS = np.full((1, 8, 4, 4, 3), 7, np.uint8)


class _SlowBackend(FakeBackend):
    """Infers until it is told to end, and remembers whether it was open then."""

    def __init__(self) -> None:
        super().__init__(num_classes=2)
        self.entered, self.released = threading.Event(), threading.Event()
        self.was_open: bool | None = None

    def infer(self, clips: Clips) -> Outputs:
        self.entered.set()
        assert self.released.wait(5)
        self.was_open = not self.closed
        return super().infer(clips)


def _start(backend: Backend) -> threading.Thread:
    thread = threading.Thread(target=backend.infer, args=(CLIPS,))
    thread.start()
    return thread


def test_answers_as_the_backend_does() -> None:
    backend = FakeBackend(num_classes=3)
    np.testing.assert_array_equal(RefcountedBackend(backend).infer(CLIPS).logits, backend.infer(CLIPS).logits)


def test_the_last_holder_closes_it() -> None:
    backend = FakeBackend(num_classes=2)
    one = other = RefcountedBackend(backend)
    del one
    assert not backend.closed
    del other
    assert backend.closed


def test_it_stays_open_while_it_infers() -> None:
    backend = _SlowBackend()
    thread = _start(RefcountedBackend(backend))
    assert backend.entered.wait(5)
    backend.released.set()
    thread.join(5)
    assert backend.was_open
    del thread
    assert backend.closed


def test_closing_it_twice_closes_it_once() -> None:
    class Counting(FakeBackend):
        count = 0

        def close(self) -> None:
            self.count += 1

    backend = Counting(num_classes=2)
    shared = RefcountedBackend(backend)
    shared.close()
    shared.close()
    del shared
    assert backend.count == 1


class _Gone(FakeBackend):
    outputs = ("logits",)

    def check_up(self) -> None:
        raise RuntimeDown("gone", 7)


def test_one_that_is_run_by_a_server_stays_one() -> None:
    assert not isinstance(refcounted(FakeBackend(num_classes=2)), RemoteBackend)
    shared = refcounted(_Gone(num_classes=2))
    assert isinstance(shared, RemoteBackend)
    assert shared.outputs == ("logits",)
    with pytest.raises(RuntimeDown, match="gone"):
        shared.check_up()

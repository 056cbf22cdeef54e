"""Watched server: its circuit closes by a proof only, and failures of calls open it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from service.backends.base import InferenceFailed, RuntimeDown, RuntimeFull
from service.backends.remote import watched_server
from service.backends.remote.circuit_breaker import MAX_FAILURES
from service.backends.remote.errors import NotServed, Unreachable
from service.backends.remote.watched_server import WatchedServer
from tests.helpers.waiting import until


class Script:
    """Errors that the ping and the proof raise; `num_proofs` counts the latter."""

    def __init__(self) -> None:
        self.ping_error: Exception | None = None
        self.proof_error: Exception | None = None
        self.num_pings = self.num_proofs = 0
        self.closed = False

    def ping(self) -> None:
        self.num_pings += 1
        if self.ping_error:
            raise self.ping_error

    def prove(self) -> None:
        self.num_proofs += 1
        if self.proof_error:
            raise self.proof_error

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch, script: Script) -> Iterator[Callable[[], WatchedServer]]:
    opened: list[WatchedServer] = []

    def watch() -> WatchedServer:
        opened.append(WatchedServer("it", script.ping, script.prove, script.close))
        return opened[-1]

    monkeypatch.setattr(watched_server, "HEALTH_CHECK_SECONDS", 0.01)
    yield watch
    for server in opened:
        server.close()


def is_up(server: WatchedServer) -> bool:
    try:
        server.check_up()
    except RuntimeDown:
        return False
    return True


@pytest.mark.parametrize("error", [NotServed("another"), InferenceFailed("broken"), Unreachable("gone")])
def test_it_is_up_once_the_proof_works(watch, script, error):
    script.proof_error = error
    server = watch()
    until(lambda: script.num_proofs > 3)
    with pytest.raises(RuntimeDown, match=str(error)):
        server.check_up()
    script.proof_error = None
    until(lambda: is_up(server))


def test_a_healthy_server_is_not_proven_again(watch, script):
    assert is_up(watch())
    until(lambda: script.num_pings > 4)
    assert script.num_proofs == 1


@pytest.mark.parametrize("number", [MAX_FAILURES - 1, MAX_FAILURES])
def test_failures_in_a_row_open_the_circuit(watch, script, monkeypatch, number):
    monkeypatch.setattr(watched_server, "HEALTH_CHECK_SECONDS", 60)
    server = watch()
    for _ in range(number):
        with pytest.raises(RuntimeDown), server.call():
            raise Unreachable("gone")
    assert is_up(server) == (number < MAX_FAILURES)


def test_another_model_opens_it_at_once(watch, monkeypatch):
    monkeypatch.setattr(watched_server, "HEALTH_CHECK_SECONDS", 60)
    server = watch()
    with pytest.raises(RuntimeDown, match="another"), server.call():
        raise NotServed("another")
    assert not is_up(server)


@pytest.mark.parametrize("error", [RuntimeFull("full", 1), InferenceFailed("broken")])
def test_other_failures_are_the_callers_alone(watch, error):
    server = watch()
    for _ in range(2 * MAX_FAILURES):
        with pytest.raises(type(error)), server.call():
            raise error
    assert is_up(server)


def test_the_thread_outlives_what_nobody_expected(watch, script):
    server = watch()
    script.ping_error = ZeroDivisionError()
    pings = script.num_pings
    until(lambda: script.num_pings > pings + 3)
    script.ping_error = Unreachable("gone")
    until(lambda: not is_up(server))
    script.ping_error = None
    until(lambda: is_up(server))


def test_closing_frees_what_the_checks_use(watch, script):
    watch().close()
    until(lambda: script.closed)

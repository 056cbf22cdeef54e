"""Retries: waits, their limit, and a service that comes up while it is asked."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

import tin
from tin.client.retries import LONGEST_WAIT_SECONDS, SPREAD, Retries

REFUSED = httpx.ConnectError("refused")


class Clock:
    """A clock that stands still between waits."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_waits_for_a_connection_double_up_to_the_longest() -> None:
    clock = Clock()
    retries, waits = Retries(60, clock), []
    with suppress(httpx.ConnectError):
        while clock.now < 100:
            waits.append(retries.seconds_after(REFUSED))
            clock.now += waits[-1]
    assert waits[0] < waits[1] < waits[2]
    assert max(waits) <= LONGEST_WAIT_SECONDS * (1 + SPREAD)
    assert clock.now <= 60 * (1 + SPREAD)


@pytest.mark.parametrize(("seconds", "is_tried"), [(0, True), (10, True), (11, False), (None, False)])
def test_a_busy_service_is_left_its_time(seconds: float | None, is_tried: bool) -> None:
    busy = tin.ServiceBusy(503, "Too much to do", retry_after=seconds)
    retries = Retries(10, Clock())
    if not is_tried:
        with pytest.raises(tin.ServiceBusy):
            retries.seconds_after(busy)
    else:
        assert seconds is not None
        assert seconds <= retries.seconds_after(busy) <= seconds * (1 + SPREAD)


@pytest.mark.parametrize(
    "failure",
    [httpx.ReadError("reset"), httpx.ReadTimeout("late"), tin.ServiceProblem(504, "Late", retry_after=0)],
    ids=lambda failure: type(failure).__name__,
)
def test_what_may_have_been_worked_on_is_not_sent_again(failure: Exception) -> None:
    with pytest.raises(type(failure)):
        Retries(60, Clock()).seconds_after(failure)


class Refusing(BaseHTTPRequestHandler):
    """Answers 415."""

    def do_POST(self) -> None:
        self.send_error(415)

    def log_message(self, *_: object) -> None:
        pass


def test_a_service_that_comes_up_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    servers = []

    def start(_: float) -> None:
        servers.append(ThreadingHTTPServer(("127.0.0.1", port), Refusing))
        threading.Thread(target=servers[0].serve_forever, args=(0.01,), daemon=True).start()

    monkeypatch.setattr(time, "sleep", start)
    with tin.Client(f"http://127.0.0.1:{port}") as client, pytest.raises(tin.ServiceProblem, match="415"):
        client.predict(b"")
    for server in servers:
        server.shutdown()
        server.server_close()
    assert len(servers) == 1

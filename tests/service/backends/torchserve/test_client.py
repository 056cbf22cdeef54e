"""TorchServe client: errors of the server and the connection, and the number of calls."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.backends.base import InferenceFailed, RuntimeFull
from service.backends.remote.errors import NotServed, Unreachable
from service.backends.torchserve.client import TorchServeClient
from service.backends.torchserve.token import InferenceKey, KeyRefused
from tests.helpers.servers.scripted_server import BAD_KEY, HEALTHY, Reply, ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[TorchServeClient]:
    client = TorchServeClient(server.url, None, read_seconds=0.3)
    yield client
    client.close()


def test_connections_are_kept(server: ScriptedServer, client: TorchServeClient) -> None:
    for _ in range(3):
        client.ping()
        assert client.predict("m", "1", b"clip") == b'{"status": "Healthy"}'
    assert server.num_connections == 1
    assert server.calls[:2] == [("/ping", None), ("/predictions/m/1", None)]


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        ((503, {"message": "Model m has no\nworker."}), RuntimeFull, "Model m has no worker"),
        ((500, {"message": "Worker died."}), InferenceFailed, "500: Worker died$"),
        ((400, {"error": "not a clip"}), InferenceFailed, "400: not a clip$"),
        ((413, ""), InferenceFailed, "max_request_size"),
        ((404, {"message": "Model not found: m"}), NotServed, "Model not found: m$"),
        (BAD_KEY, KeyRefused, "key"),
        ("hang", InferenceFailed, "ReadTimeout"),
        ("break", Unreachable, "Error"),
    ],
)
def test_a_call_that_fails_is_not_sent_again(
    server: ScriptedServer, client: TorchServeClient, reply: Reply, error: type[Exception], message: str
) -> None:
    server.reply = lambda method, path: reply
    with pytest.raises(error, match=message):
        client.predict("m", "1", b"clip")
    assert len(server.calls) == 1


def test_a_full_queue_takes_as_long_as_the_last_answer(server: ScriptedServer) -> None:
    def slowly(method: str, path: str) -> Reply:
        time.sleep(1.01)
        return HEALTHY

    server.reply = slowly
    client = TorchServeClient(server.url, None, read_seconds=5)
    client.predict("m", "1", b"clip")
    server.reply = lambda method, path: (503, {})
    with pytest.raises(RuntimeFull) as caught:
        client.predict("m", "1", b"clip")
    client.close()
    assert caught.value.retry_after == 2


def test_a_connection_that_did_not_come_about_is_tried_once_more(
    server: ScriptedServer, client: TorchServeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = [ConnectionRefusedError(), None]
    connect = socket.create_connection

    def refused_once(*address: Any, **options: Any) -> socket.socket:
        if error := outcomes.pop(0):
            raise error
        return connect(*address, **options)

    monkeypatch.setattr(socket, "create_connection", refused_once)
    client.ping()
    assert len(server.calls) == 1


def test_a_ping_that_hangs_or_tells_of_illness(server: ScriptedServer, client: TorchServeClient) -> None:
    server.reply = lambda method, path: (500, {"status": "Unhealthy"})
    with pytest.raises(Unreachable, match="Unhealthy"):
        client.ping()


def test_nobody_is_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = TorchServeClient(f"http://127.0.0.1:{taken.getsockname()[1]}", None, read_seconds=1)
        with pytest.raises(Unreachable, match="ConnectError"):
            client.predict("m", "1", b"clip")
        client.close()


def test_a_key_that_was_replaced_is_read_again(server: ScriptedServer, tmp_path: Path) -> None:
    file = tmp_path / "key_file.json"

    def accept_new(method: str, path: str) -> Reply:
        if server.calls[-1][1] == "Bearer new":
            return HEALTHY
        write_keys(file, "new")
        return BAD_KEY

    write_keys(file, "old")
    server.reply = accept_new
    client = TorchServeClient(server.url, InferenceKey(file), read_seconds=1)
    client.predict("m", "1", b"clip")
    client.close()
    assert [key for _, key in server.calls] == ["Bearer old", "Bearer new"]


def write_keys(file: Path, inference: str) -> None:
    file.write_text(f'{{"inference": {{"key": "{inference}"}}, "API": {{"key": "api"}}}}')

"""Client of a model server: when to come back, and messages of errors."""

from __future__ import annotations

import httpx
import pytest

from service.backends.remote.circuit_breaker import MAX_RETRY_AFTER
from service.backends.remote.errors import Unreachable
from service.backends.remote.server_client import ServerClient, message_of
from tests.helpers.servers.scripted_server import Raw, ScriptedServer


@pytest.mark.parametrize(
    ("asked", "seconds"), [("7", 7), ("", 1), ("0", 1), ("100000", MAX_RETRY_AFTER), ("soon", 1), ("-3", 1), ("²", 1)]
)
def test_when_to_come_back_is_the_servers_word_within_bounds(asked: str, seconds: int) -> None:
    client = ServerClient("it", "http://127.0.0.1:1", read_seconds=1)
    assert client.full("it is full", asked).retry_after == seconds
    client.close()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "no\\nsuch model."}', "no such model"),
        (b"[" * 100_000, "status 500"),
        (b'"text"', "status 500"),
        (b"\xff", "status 500"),
    ],
)
def test_an_error_has_one_line(body: bytes, message: str) -> None:
    assert message_of(httpx.Response(500, content=body)) == message


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"}])
def test_an_answer_that_cannot_be_decoded_is_no_answer(headers: dict[str, str]) -> None:
    with ScriptedServer(lambda method, path: Raw(b"garbage", headers=headers)) as server:
        client = ServerClient("it", server.url, read_seconds=1)
        with pytest.raises(Unreachable, match="DecodingError"):
            client.get("/")
        client.close()


def test_an_address_may_have_a_path() -> None:
    with ScriptedServer() as server:
        client = ServerClient("it", f"{server.url}/models/one/", read_seconds=1)
        client.get("v2/health/ready")
        client.close()
        assert server.calls == [("/models/one/v2/health/ready", None)]

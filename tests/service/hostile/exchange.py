"""Requests as raw bytes over connections that are kept, so that nothing puts right what is wrong with them."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

import httpx

SECONDS_TO_ANSWER = 30


@dataclass(frozen=True)
class Answer:
    """What a client saw; `body` is the JSON, or the text where it is none."""

    status: int
    media_type: str
    body: Any

    def outcome(self) -> str:
        """The slug of the problem, `ok`, or what should not have come."""
        match self:
            case Answer(status=200):
                return "ok"
            case Answer(media_type="application/problem+json", body={"type": str(type), "status": status}):
                if 400 <= self.status < 500 and status == self.status:
                    return type.removeprefix("/problems/")
        return f"unexpected: {self}"


class Connection:
    """Opened when it is first used, and again after the server has closed it."""

    def __init__(self, address: str) -> None:
        url = httpx.URL(address)
        self._place = url.host, url.port
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> Answer:
        """Send it all and read one answer; a server that answers early and closes may break off the sending."""
        connection = self._socket = self._socket or socket.create_connection(self._place, SECONDS_TO_ANSWER)
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        with HTTPResponse(connection, method=request.partition(b" ")[0].decode("latin-1")) as response:
            response.begin()
            text = response.read()
            if response.will_close:
                self.close()
        media_type = response.getheader("content-type", "")
        is_json = "json" in media_type and text
        return Answer(response.status, media_type, json.loads(text) if is_json else text)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def ask_all(address: str, requests: Iterable[bytes], num_connections: int) -> Counter[str]:
    """Send each of them, over so many connections at a time; how often each outcome came."""
    shares: list[list[bytes]] = [[] for _ in range(num_connections)]
    for number, request in enumerate(requests):
        shares[number % num_connections].append(request)
    with ThreadPoolExecutor(num_connections) as threads:
        return sum(threads.map(lambda share: _ask(address, share), shares), Counter())


def _ask(address: str, requests: list[bytes]) -> Counter[str]:
    connection = Connection(address)
    outcomes = Counter(connection.ask(request).outcome() for request in requests)
    connection.close()
    return outcomes


def post(body: bytes, content_type: str | bytes = "application/octet-stream", target: str = "/predict") -> bytes:
    """A well-formed request."""
    kind = content_type.encode("latin-1") if isinstance(content_type, str) else content_type
    head = b"POST %s HTTP/1.1\r\nHost: tin\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    return head % (target.encode(), kind, len(body)) + body

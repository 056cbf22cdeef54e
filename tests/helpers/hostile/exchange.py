"""Requests as raw bytes, so that nothing puts right what is wrong with them, and what comes back."""

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
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    """What a client saw; `body` is the JSON, None after HEAD."""

    status: int
    media_type: str
    body: Any

    @property
    def outcome(self) -> str:
        """The slug of a problem that blames the client, `refused` after HEAD, `ok`, or `unexpected: ` and what came."""
        if self.status == 200:
            return "ok"
        match self.body:
            case {"type": str(address), "status": self.status} if 400 <= self.status < 500 and self.is_problem:
                return address.removeprefix("/problems/")
            case None if 400 <= self.status < 500 and self.is_problem:
                return "refused"
        return f"unexpected: {self}"

    @property
    def is_problem(self) -> bool:
        return self.media_type == PROBLEM


def post(body: bytes, content_type: str = "application/octet-stream") -> bytes:
    """A well-formed request."""
    head = f"POST /predict HTTP/1.1\r\nHost: tin\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


def ask(address: str, request: bytes) -> Answer:
    """Send it all, over a connection of its own, and read the answer; a server that has refused it may stop reading."""
    url = httpx.URL(address)
    method = request.partition(b" ")[0].decode("latin-1")
    with (
        socket.create_connection((url.host, url.port), SECONDS_TO_ANSWER) as connection,
        HTTPResponse(connection, method=method) as response,
    ):
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        response.begin()
        text = response.read()
    return Answer(
        response.status, response.getheader("content-type", ""), None if method == "HEAD" else json.loads(text)
    )


def ask_all(address: str, requests: Iterable[bytes], at_a_time: int) -> Counter[str]:
    """How often each outcome came."""
    with ThreadPoolExecutor(at_a_time) as threads:
        return Counter(threads.map(lambda request: ask(address, request).outcome, requests))

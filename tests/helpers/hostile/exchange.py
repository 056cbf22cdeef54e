"""Raw HTTP: send bytes as they are, which a client library would correct or refuse, and read the response."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from itertools import islice
from typing import Any

import httpx

TIMEOUT_SECONDS = 30
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Response:
    """Response as a client sees it; `body` is the JSON, or None after HEAD."""

    status: int
    media_type: str
    body: Any

    @property
    def outcome(self) -> str:
        """Slug of a 4xx problem, `refused` for one after HEAD or of /v2, `ok`, or `unexpected: ` and the response."""
        if self.status == 200:
            return "ok"
        match self.body:
            case {"type": str(address), "status": self.status} if 400 <= self.status < 500 and self.is_problem:
                return address.removeprefix("/problems/")
            case None if 400 <= self.status < 500 and self.is_problem:
                return "refused"
            case {"error": str()} if 400 <= self.status < 500:
                return "refused"
        return f"unexpected: {self}"

    @property
    def is_problem(self) -> bool:
        """True for a body of RFC 9457 problem details, or of an error under /v2."""
        return self.media_type == PROBLEM or (isinstance(self.body, dict) and [*self.body] == ["error"])


def post(body: bytes, content_type: str = "application/octet-stream") -> bytes:
    """Return a well-formed POST /predict with this body."""
    head = f"POST /predict HTTP/1.1\r\nHost: tin\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


def send(address: str, request: bytes) -> Response:
    """Send a request over a connection of its own and read the response; a server that refuses it may stop reading."""
    url = httpx.URL(address)
    method = request.partition(b" ")[0].decode("latin-1")
    with (
        socket.create_connection((url.host, url.port), TIMEOUT_SECONDS) as connection,
        HTTPResponse(connection, method=method) as response,
    ):
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        response.begin()
        text = response.read()
    return Response(
        response.status, response.getheader("content-type", ""), None if method == "HEAD" else json.loads(text)
    )


def send_all(address: str, requests: Iterator[bytes], at_a_time: int) -> Iterator[Response | OSError]:
    """Send all requests, `at_a_time` of them in parallel; yield each response, or the error where none came."""
    with ThreadPoolExecutor(at_a_time) as threads:
        while batch := list(islice(requests, 100 * at_a_time)):
            yield from threads.map(lambda request: _try(address, request), batch)


def _try(address: str, request: bytes) -> Response | OSError:
    try:
        return send(address, request)
    except HTTPException as error:
        return ConnectionError(f"no HTTP response: {error!r}")
    except OSError as error:
        return error

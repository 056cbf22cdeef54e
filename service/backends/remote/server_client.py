"""HTTP client of a server that runs models: a pool of connections, whose errors become ours.

A call is repeated only when no connection was made, so that the server got nothing of it. After a timeout or a failure
it is unknown what the server has done.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import httpx

from service.backends.base import InferenceFailed, RuntimeFull
from service.backends.remote.circuit_breaker import MAX_RETRY_AFTER
from service.backends.remote.errors import Unreachable

MAX_CONNECTIONS = 64
KEEPALIVE_SECONDS = 2.0
"""Shorter than any server's own: what is sent while the server closes an idle connection is lost."""
CONNECT_SECONDS = 2.0
GET_SECONDS = 2.0


class ServerClient:
    """Calls of one server. Thread-safe.

    Args:
        server: its name in messages.
        url: its address.
        read_seconds: longest wait for the answer to a POST.
        headers: headers of every call.
    """

    def __init__(self, server: str, url: str, read_seconds: float, headers: Mapping[str, str] | None = None) -> None:
        self.server = server
        limits = httpx.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
        )
        self._client = httpx.Client(
            base_url=url,
            headers=headers,
            transport=httpx.HTTPTransport(retries=1, limits=limits),
            timeout=httpx.Timeout(read_seconds, connect=min(CONNECT_SECONDS, read_seconds), pool=CONNECT_SECONDS),
        )
        self._seconds_of_last = 0.0

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Ask for what the server has at hand; raises Unreachable, and RuntimeFull when no connection is free."""
        try:
            return self._send(self._client.build_request("GET", path, headers=headers, timeout=GET_SECONDS))
        except InferenceFailed as error:
            raise Unreachable(f"{self.server} does not answer") from error

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Send clips; raises Unreachable, RuntimeFull and InferenceFailed."""
        response = self._send(self._client.build_request("POST", path, content=body, headers=headers))
        if response.is_success:
            self._seconds_of_last = response.elapsed.total_seconds()
        return response

    def full(self, reason: str, retry_after: str = "") -> RuntimeFull:
        """Make the error of a full queue.

        `retry_after` is the server's own, in whole seconds; without it the next answer is taken to last as long as the
        last one did.
        """
        asked = int(retry_after) if retry_after.isascii() and retry_after.isdecimal() else self._seconds_of_last
        seconds = min(max(1, math.ceil(asked)), MAX_RETRY_AFTER)
        return RuntimeFull(f"{reason}; send it again in {seconds} s", seconds)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._client.send(request)
        except httpx.PoolTimeout as error:
            raise self.full(f"{MAX_CONNECTIONS} calls of {self.server} are in progress") from error
        except httpx.ConnectTimeout as error:
            raise Unreachable(f"{self.server} cannot be reached: no connection in time") from error
        except httpx.TimeoutException as error:
            raise InferenceFailed(f"{self.server} gave no answer in time ({type(error).__name__})") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Unreachable(f"{self.server} cannot be reached ({type(error).__name__})") from error


def message_of(response: httpx.Response) -> str:
    """Return the message of an answer that is an error, on one line."""
    body = body_of(response)
    message = body.get("message") or body.get("error") or body.get("status") or f"status {response.status_code}"
    return " ".join(str(message).split()).rstrip(".")


def body_of(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer; empty when it is none."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}

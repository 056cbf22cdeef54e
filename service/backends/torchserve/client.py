"""Client of TorchServe's inference API; maps its errors and those of HTTP.

A call is repeated only when no connection was made, so that TorchServe got nothing of it, or when it refused the key.
After a timeout or a failure it is unknown what TorchServe has done.
"""

from __future__ import annotations

import math
from typing import Any

import httpx

from service.backends.base import InferenceFailed, RuntimeFull
from service.backends.torchserve.token import InferenceKey, KeyRefused

MAX_CONNECTIONS = 64
CONNECT_SECONDS = 2.0
PING_SECONDS = 2.0

_RAW = {"Content-Type": "application/octet-stream"}


class Unreachable(Exception):
    """The connection failed, or TorchServe reports that it is unhealthy."""


class NotServed(Exception):
    """TorchServe does not serve the model; the message gives the reason."""


class TorchServeClient:
    """HTTP client with a pool of connections. Thread-safe.

    Args:
        url: address of the inference API.
        key: key for it; None when TorchServe asks for none.
        read_seconds: longest wait for an answer.
    """

    def __init__(self, url: str, key: InferenceKey | None, read_seconds: float) -> None:
        self._key = key
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        self._client = httpx.Client(
            base_url=url,
            transport=httpx.HTTPTransport(retries=1, limits=limits),
            timeout=httpx.Timeout(read_seconds, connect=min(CONNECT_SECONDS, read_seconds), pool=CONNECT_SECONDS),
        )
        self._seconds_of_last = 0.0

    def ping(self) -> None:
        """Check the server's health; raises Unreachable, KeyRefused, and RuntimeFull when no connection is free."""
        timeout = httpx.Timeout(PING_SECONDS)
        try:
            response = self._send(self._client.build_request("GET", "/ping", timeout=timeout))
        except InferenceFailed as error:
            raise Unreachable("TorchServe does not answer") from error
        self._check_key(response)
        if response.status_code != httpx.codes.OK:
            raise Unreachable(f"TorchServe is unhealthy: {_message(response)}")

    def predict(self, name: str, version: str, body: bytes) -> bytes:
        """Send the bytes of one or more clips to a model; returns the body of its handler's answer.

        Raises Unreachable, NotServed, KeyRefused, RuntimeFull and InferenceFailed.
        """
        request = self._client.build_request("POST", f"/predictions/{name}/{version}", content=body, headers=_RAW)
        response = self._send(request)
        self._check(response)
        self._seconds_of_last = response.elapsed.total_seconds()
        return response.content

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send(self, request: httpx.Request) -> httpx.Response:
        if self._key is None:
            return self._send_once(request)
        key = self._key.current()
        response = self._send_once(request, key)
        if _refuses_key(response):
            response = self._send_once(request, self._key.instead_of(key))
        return response

    def _send_once(self, request: httpx.Request, key: str | None = None) -> httpx.Response:
        if key is not None:
            request.headers["Authorization"] = f"Bearer {key}"
        try:
            return self._client.send(request)
        except httpx.PoolTimeout as error:
            raise self._full(f"{MAX_CONNECTIONS} calls of TorchServe are in progress") from error
        except httpx.ConnectTimeout as error:
            raise Unreachable("TorchServe cannot be reached: no connection in time") from error
        except httpx.TimeoutException as error:
            raise InferenceFailed(f"TorchServe gave no answer in time ({type(error).__name__})") from error
        except httpx.TransportError as error:
            raise Unreachable(f"TorchServe cannot be reached ({type(error).__name__})") from error

    def _check_key(self, response: httpx.Response) -> None:
        if _refuses_key(response):
            raise KeyRefused("TorchServe refuses the key" if self._key else "TorchServe asks for a key")

    def _check(self, response: httpx.Response) -> None:
        self._check_key(response)
        match response.status_code:
            case 200:
                return
            case 404:
                raise NotServed(f"TorchServe does not serve the model: {_message(response)}")
            case 503:
                raise self._full(f"TorchServe is overloaded: {_message(response)}")
            case 413:
                raise InferenceFailed("a clip is larger than TorchServe's max_request_size")
        raise InferenceFailed(f"TorchServe answered {response.status_code}: {_message(response)}")

    def _full(self, reason: str) -> RuntimeFull:
        """Make the error of a full queue; the next answer takes at least as long as the last one did."""
        seconds = max(1, math.ceil(self._seconds_of_last))
        return RuntimeFull(f"{reason}; send it again in {seconds} s", seconds)


def _refuses_key(response: httpx.Response) -> bool:
    return response.status_code in {400, 401, 403} and _body(response).get("type") == "InvalidKeyException"


def _message(response: httpx.Response) -> str:
    body = _body(response)
    message = body.get("message") or body.get("error") or body.get("status") or f"status {response.status_code}"
    return " ".join(str(message).split()).rstrip(".")


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}

"""Client of TorchServe's inference API; a call that refuses the key is repeated with the key that replaced it."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from service.backends.base import InferenceFailed
from service.backends.remote.errors import NotServed, Unreachable
from service.backends.remote.server_client import ServerClient, body_of, message_of
from service.backends.torchserve.token import InferenceKey, KeyRefused

NAME = "TorchServe"

_RAW = {"Content-Type": "application/octet-stream"}


class TorchServeClient:
    """Calls of TorchServe. Thread-safe.

    Args:
        url: address of the inference API.
        key: key for it; None when TorchServe asks for none.
        read_seconds: longest wait for an answer.
    """

    def __init__(self, url: str, key: InferenceKey | None, read_seconds: float) -> None:
        self._key = key
        self._server = ServerClient(NAME, url, read_seconds)

    def ping(self) -> None:
        """Check the server's health; raises Unreachable, KeyRefused, and RuntimeFull when no connection is free."""
        response = self._with_key(lambda headers: self._server.get("/ping", headers))
        if response.status_code != httpx.codes.OK:
            raise Unreachable(f"TorchServe is unhealthy: {message_of(response)}")

    def predict(self, name: str, version: str, body: bytes) -> bytes:
        """Send the bytes of one or more clips to a model; returns the body of its handler's answer.

        Raises Unreachable, NotServed, KeyRefused, RuntimeFull and InferenceFailed.
        """
        path = f"/predictions/{name}/{version}"
        response = self._with_key(lambda headers: self._server.post(path, body, _RAW | headers))
        self._check(response)
        return response.content

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def _with_key(self, send: Callable[[dict[str, str]], httpx.Response]) -> httpx.Response:
        response = send({}) if self._key is None else self._with_current_key(send, self._key)
        if _refuses_key(response):
            raise KeyRefused("TorchServe refuses the key" if self._key else "TorchServe asks for a key")
        return response

    def _with_current_key(self, send: Callable[[dict[str, str]], httpx.Response], keys: InferenceKey) -> httpx.Response:
        key = keys.current()
        response = send(_bearer(key))
        return send(_bearer(keys.instead_of(key))) if _refuses_key(response) else response

    def _check(self, response: httpx.Response) -> None:
        match response.status_code:
            case 200:
                return
            case 404:
                raise NotServed(f"TorchServe does not serve the model: {message_of(response)}")
            case 503:
                raise self._server.full(f"TorchServe is overloaded: {message_of(response)}")
            case 413:
                raise InferenceFailed("a clip is larger than TorchServe's max_request_size")
        raise InferenceFailed(f"TorchServe answered {response.status_code}: {message_of(response)}")


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _refuses_key(response: httpx.Response) -> bool:
    return response.status_code in {400, 401, 403} and body_of(response).get("type") == "InvalidKeyException"

"""TorchServe's inference key: read from its key file and renewed before it expires.

TorchServe's docs/token_authorization_api.md: a restart writes other keys; `GET /token?type=inference` of the management
API, authorised by the API key, replaces the inference key in the file.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from pydantic import BaseModel, Field, ValidationError

from service.backends.remote.errors import NotServed

RENEWING_SECONDS = 30.0
"""Time before its expiry at which a key is renewed."""
TIMEOUT_SECONDS = 2.0

logger = logging.getLogger("service")


class KeyRefused(NotServed):
    """There is no key that TorchServe accepts; the message gives the reason."""


class _InferenceKey(BaseModel):
    key: str
    expires: datetime | None = Field(default=None, alias="expiration time")


class _ApiKey(BaseModel):
    key: str


class _Keys(BaseModel):
    inference: _InferenceKey
    api: _ApiKey = Field(alias="API")


class InferenceKey:
    """The current key of a TorchServe. Thread-safe. Without `management_url` it is read but never renewed."""

    def __init__(self, file: Path, management_url: str = "") -> None:
        self._file = file
        self._management_url = management_url.rstrip("/")
        self._reading, self._renewing = threading.Lock(), threading.Lock()
        self._keys: _Keys | None = None
        self._state: tuple[int, int, int] | None = None

    def current(self) -> str:
        """Return the key in the file, read again if the file has changed; raises KeyRefused when there is none."""
        return self._read().inference.key

    def instead_of(self, refused: str) -> str:
        """Return another key than the one that TorchServe has refused; raises KeyRefused when there is none."""
        with self._renewing:
            if self._read(again=True).inference.key == refused:
                self._renew()
            key = self.current()
        if key == refused:
            raise KeyRefused(
                f"TorchServe refuses the key in {self._file.name}: it has expired, or belongs to another server"
            )
        return key

    def renew_in_time(self) -> None:
        """Renew the key if it is about to expire; to be called every few seconds. Raises KeyRefused."""
        with self._renewing:
            expires = self._read().inference.expires
            if expires and expires - datetime.now(UTC) < timedelta(seconds=RENEWING_SECONDS):
                self._renew()

    def _read(self, *, again: bool = False) -> _Keys:
        with self._reading:
            try:
                stat = self._file.stat()
                state = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
                if again or self._keys is None or state != self._state:
                    self._keys, self._state = _Keys.model_validate_json(self._file.read_bytes()), state
            except (
                OSError,
                ValidationError,
            ) as error:  # missing while TorchServe is down, incomplete while it is written
                if self._keys is None:
                    reason = f"TorchServe's keys cannot be read from {self._file.name}: {_reason(error)}"
                    raise KeyRefused(reason) from error
            return self._keys

    def _renew(self) -> None:
        if not self._management_url:
            return
        headers = {"Authorization": f"Bearer {self._read().api.key}"}
        address = f"{self._management_url}/token?type=inference"
        try:
            httpx.get(address, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False).raise_for_status()
        except httpx.HTTPError as error:
            raise KeyRefused(f"TorchServe's inference key could not be renewed: {_reason(error)}") from error
        self._read(again=True)
        logger.info("TorchServe's inference key was renewed")


def _reason(error: Exception) -> str:
    match error:
        case OSError():
            return str(error.strerror)
        case ValidationError():
            return "it is not a key file"
        case httpx.HTTPStatusError():
            return f"its management API answered {error.response.status_code}"
    return f"its management API cannot be reached ({type(error).__name__})"

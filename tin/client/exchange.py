"""Exchange with the service over HTTP: what both clients send, and what they make of httpx's errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tin.client.errors import NoAnswer

if TYPE_CHECKING:
    from tin.model import Video

CONNECT_SECONDS = 5.0


def connection(url: str, key: str | None, timeout: float) -> dict[str, Any]:
    """Return what httpx's clients take: address, headers and time limits; raises ValueError for no http address."""
    headers: dict[str, str | bytes] = {"Content-Type": "application/octet-stream"}
    if key is not None:
        headers["X-API-Key"] = key.encode("latin-1")  # as the service reads it; httpx takes text in ASCII only
    limits = httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
    return {"base_url": _checked(url), "headers": headers, "timeout": limits}


def query(**options: object) -> dict[str, Any]:
    """Return the parameters that are given."""
    return {name: value for name, value in options.items() if value is not None}


def part(start: float | None, end: float | None) -> dict[str, Any]:
    """Return the parameters that choose a part of the video."""
    return query(**{"from": start, "to": end})


def content_of(video: Video) -> bytes:
    """Return the bytes of a video; raises OSError for a path that cannot be read."""
    return video if isinstance(video, bytes) else Path(os.fspath(video)).read_bytes()


@contextmanager
def answering(url: str) -> Iterator[None]:
    """Turn httpx's errors into NoAnswer."""
    try:
        yield
    except httpx.HTTPError as error:
        raise NoAnswer(f"no answer of {url}: {error or type(error).__name__}") from error


def _checked(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"url {url!r} is not an address: {error}") from error
    if address.scheme not in {"http", "https"} or not address.host:
        raise ValueError(f"url must be an address such as 'http://localhost:8000', not {url!r}")
    return address

"""A large file comes over HTTP: it goes on where it broke off, and appears under its name only whole and proven."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from training.errors import BadInput
from training.files import sha256_of

CHUNK = 1 << 20
TIMEOUT = 30.0
"""Seconds that the server may be silent."""

ProgressCallback = Callable[[int, int | None], None]
"""Is told how many bytes there are so far, and how many there will be, where that is known."""


class DownloadError(BadInput):
    """The file could not be fetched, or is not the one that was published; the message says what to do."""


def download(url: str, target: Path, digest_start: str, progress: ProgressCallback) -> None:
    """Fetch `url` to `target`, unless it is there. What has come is kept in `.<name>.part` when the connection breaks.

    `digest_start` holds the first hex digits of the file's SHA-256. Raises DownloadError.
    """
    if target.exists() and sha256_of(target).startswith(digest_start):
        return
    if not url.startswith(("http://", "https://")):
        raise DownloadError(f"{url} is no address that starts with http:// or https://")
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _receive(url, file, progress)
            file.flush()
            os.fsync(file.fileno())
            _accept(part, target, digest_start, url)
    except BlockingIOError:
        raise DownloadError(f"{target} is being fetched by another process; wait for it") from None
    except HTTPError as error:
        if not part.stat().st_size:
            part.unlink()
        raise DownloadError(f"{url}: the server says {error.code} {error.reason}; try later, or a mirror") from error
    except (OSError, HTTPException, ValueError) as error:
        raise DownloadError(f"{url} cannot be fetched: {error}; what has come is kept, run the same again") from error


def _receive(url: str, file: BinaryIO, progress: ProgressCallback) -> None:
    """Append what the file still lacks; raises OSError when the connection ends early."""
    start = file.seek(0, os.SEEK_END)
    try:
        # The address is the catalogue's or one that the user typed.
        response = urlopen(Request(url, headers={"Range": f"bytes={start}-"}), timeout=TIMEOUT)  # noqa: S310
    except HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return
        raise
    with response:
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            file.truncate(0)
            start = 0
        total = start + response.length if response.length is not None else None
        have = _append(response, file, start, lambda bytes_now: progress(bytes_now, total))
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


def _append(response: HTTPResponse, file: BinaryIO, start: int, progress: Callable[[int], None]) -> int:
    have = start
    progress(have)
    while chunk := response.read(CHUNK):
        file.write(chunk)
        have += len(chunk)
        progress(have)
    return have


def _accept(part: Path, target: Path, digest_start: str, url: str) -> None:
    """Give the file its name if it is the published one; else remove it, since going on from it would not help."""
    digest = sha256_of(part)
    if not digest.startswith(digest_start):
        part.unlink()
        raise DownloadError(
            f"{url} gave another file than was published: its SHA-256 starts with {digest[:8]}, not {digest_start}; "
            "it was removed, fetch it again or get it elsewhere"
        )
    part.replace(target)

"""Resumable HTTP download with SHA-256 verification; a file appears under its name only when it is complete."""

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
"""Seconds of silence after which the connection counts as broken."""

ProgressCallback = Callable[[int, int | None], None]
"""Called with the bytes received so far and the total, None if the server does not give it."""


class DownloadError(BadInput):
    """The download failed or is not the published file; the message says what to do."""


def download(url: str, target: Path, digest_start: str, progress: ProgressCallback) -> None:
    """Download a file unless it is there already; a broken download is resumed from `.<name>.part`.

    Args:
        url: An http or https address.
        target: The file to write; its folder is made.
        digest_start: The first hex digits of the file's SHA-256.
        progress: Called with the bytes received so far and the total.

    Raises:
        DownloadError: The download failed, another process is at it, or the file is not the published one.
    """
    if target.exists() and sha256_of(target).startswith(digest_start):
        return
    if not url.startswith(("http://", "https://")):
        raise DownloadError(f"{url} must start with http:// or https://")
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                _receive(url, file, progress)
                _accept(part, target, digest_start, url)
            finally:
                _remove_if_empty(part, file)
    except BlockingIOError:
        raise DownloadError(f"{target} is being downloaded by another process; wait for it") from None
    except HTTPError as error:
        raise DownloadError(f"{url}: HTTP status {error.code} {error.reason}; try later, or a mirror") from error
    except (OSError, HTTPException, ValueError) as error:
        raise DownloadError(f"{url} cannot be downloaded: {error}; run the command again to resume") from error


def _receive(url: str, file: BinaryIO, progress: ProgressCallback) -> None:
    """Append the missing rest of the file. Raises OSError when the connection ends early."""
    start = file.seek(0, os.SEEK_END)
    try:
        # The address comes from the catalogue or the command line, never from a file.
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
    file.flush()
    os.fsync(file.fileno())
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
    """Rename the finished file if its digest is right; else remove it, since resuming it would not help."""
    digest = sha256_of(part)
    if not digest.startswith(digest_start):
        part.unlink()
        raise DownloadError(
            f"{url} is not the published file: its SHA-256 starts with {digest[:8]}, not {digest_start}; "
            "it was removed, download it again or from another mirror"
        )
    part.replace(target)


def _remove_if_empty(part: Path, file: BinaryIO) -> None:
    file.flush()
    if not os.fstat(file.fileno()).st_size:
        part.unlink(missing_ok=True)

"""Resumable download with SHA-256 verification; a file appears under its name only when it is complete."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, url2pathname, urlopen

from training.errors import BadInput
from training.files import sha256_of

CHUNK = 1 << 20
TIMEOUT = 30.0
"""Seconds of silence after which the connection counts as broken."""
LOCAL = "file://"

ProgressCallback = Callable[[int, int | None], None]
"""Called with the bytes received so far and the total, None if the server does not give it."""


class DownloadError(BadInput):
    """The download failed or is not the published file; the message says what to do."""


def download(url: str, target: Path, digest_start: str, progress: ProgressCallback) -> None:
    """Download a file unless it is there already; a broken download is resumed from `.<name>.part`.

    Args:
        url: An address of http, https or file.
        target: The file to write; its folder is made.
        digest_start: The first hex digits of the file's SHA-256.
        progress: Called with the bytes received so far and the total.

    Raises:
        DownloadError: The download failed, another process is at it, or the file is not the published one.
    """
    if target.exists() and sha256_of(target).startswith(digest_start):
        return
    if not url.startswith(("http://", "https://", LOCAL)):
        raise DownloadError(f"{url} must start with http://, https:// or {LOCAL}")
    part = target.with_name(f".{target.name}.part")
    receive = _copy if url.startswith(LOCAL) else _receive
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(part) as file:
            receive(url, file, progress)
            file.flush()
            os.fsync(file.fileno())
            _accept(part, target, digest_start, url)
    except BlockingIOError:
        raise DownloadError(f"{target} is being downloaded by another process; wait for it") from None
    except HTTPError as error:
        raise DownloadError(f"{url}: HTTP status {error.code} {error.reason}; try later, or a mirror") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise DownloadError(
            f"{url} cannot be downloaded: {reason}; run the command again to resume, or take a mirror"
        ) from error


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    """Open a part for appending, alone; remove it if it stays empty.

    Raises BlockingIOError if another process is at it.
    """
    with part.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not part.exists() or not os.path.samestat(part.stat(), os.fstat(file.fileno())):
            # The other process ended between the two lines above: this is its finished file, under another name now.
            raise BlockingIOError
        try:
            yield file
        finally:
            _remove_if_empty(part, file)


def _copy(url: str, file: BinaryIO, progress: ProgressCallback) -> None:
    """Copy a file of a folder, from its start. Raises OSError."""
    path = Path(url2pathname(urlsplit(url).path))
    with path.open("rb") as source:
        total = os.fstat(source.fileno()).st_size
        file.truncate(0)
        _append(source, file, 0, lambda have: progress(have, total))


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
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


def _append(source: BinaryIO | HTTPResponse, file: BinaryIO, start: int, progress: Callable[[int], None]) -> int:
    have = start
    progress(have)
    while chunk := source.read(CHUNK):
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

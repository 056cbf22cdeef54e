"""Fingerprint of a version's folder: tells cheaply whether its files have changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from service.store.manifest import MANIFEST_FILE
from service.store.model_store import sha256_of

FileStates = frozenset[tuple[str, int, int, int]]
"""Name, inode, size in bytes and modification time in ns of each file."""


@dataclass(frozen=True)
class Fingerprint:
    """A version's files at one moment; `manifest_sha256` is empty when the manifest cannot be read."""

    files: FileStates
    manifest_sha256: str


def fingerprint_of(folder: Path, known: Fingerprint | None = None) -> Fingerprint:
    """Take the fingerprint of a version's folder.

    Returns `known` itself, without reading a file, when no file has changed since it was taken.
    """
    files = _states(folder)
    if known is not None and files == known.files:
        return known
    return Fingerprint(files, _sha256_or_empty(folder / MANIFEST_FILE))


def _states(folder: Path) -> FileStates:
    try:
        with os.scandir(folder) as entries:
            stats = [(entry.name, entry.stat()) for entry in entries]
    except OSError:
        return frozenset()
    return frozenset((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def _sha256_or_empty(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:
        return ""

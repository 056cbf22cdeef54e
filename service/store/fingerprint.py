"""Which files a version of the store consists of: cheap to compare with what it was made of before."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from service.store.manifest import MANIFEST_FILE
from service.store.model_store import sha256_of

FileStates = frozenset[tuple[str, int, int, int]]
"""Each file's name, inode, size in bytes, and time of change in ns."""


@dataclass(frozen=True)
class Fingerprint:
    """A version's files at one moment; what could not be read is empty."""

    files: FileStates
    manifest_sha256: str


def fingerprint_of(folder: Path, known: Fingerprint | None = None) -> Fingerprint:
    """The fingerprint that lies in the folder; `known` itself, and nothing is read, when no file has changed since."""
    files = _states(folder)
    if known is not None and files == known.files:
        return known
    return Fingerprint(files, _digest(folder / MANIFEST_FILE))


def _states(folder: Path) -> FileStates:
    try:
        with os.scandir(folder) as entries:
            stats = [(entry.name, entry.stat()) for entry in entries]
    except OSError:
        return frozenset()
    return frozenset((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def _digest(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:
        return ""

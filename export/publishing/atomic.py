"""A file is replaced in one step: readers see the old one or the new one, whole. Writers of a folder take turns."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ASIDE = ".aside-"
"""What is being prepared has this prefix, or was left by a process that was killed."""


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Lend a path beside `target` to write to; when the block succeeds, flush it and rename it onto `target`.

    When the block raises, `target` is as it was and nothing is left beside it. Raises OSError as writing does.
    """
    descriptor, name = tempfile.mkstemp(prefix=ASIDE, dir=target.parent)
    os.close(descriptor)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o644)
        flush(aside)
        aside.replace(target)
        flush(target.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time changes the folder; what killed ones left in it is removed. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for left in folder.glob(f"{ASIDE}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield
    finally:
        os.close(descriptor)


def flush(path: Path) -> None:
    """See that a file's bytes, or a folder's names, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

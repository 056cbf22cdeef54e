"""Atomic replacement of files and folders: readers see the old one or the new one, whole. Writers take turns."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ASIDE = ".aside-"
"""Prefix of files and folders in preparation, and of those that a killed process left behind."""

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Lend a path beside `target` to write to; at the end of the block flush it and rename it to `target`.

        with replacing(Path("labels.txt")) as aside:
            aside.write_text("jump")

    When the block raises, `target` is unchanged and nothing is left beside it. Raises OSError.
    """
    descriptor, name = tempfile.mkstemp(prefix=ASIDE, dir=target.parent)
    aside = Path(name)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # so that `locked` does not remove it meanwhile
        yield aside
        aside.chmod(0o644)
        flush(aside)
        aside.replace(target)
        flush(target.parent)
    finally:
        os.close(descriptor)
        aside.unlink(missing_ok=True)


def replace_folder(new: Path, target: Path, old: Path) -> None:
    """Move the folder `new` to `target`; a folder that was there is at `new` or `old` afterwards.

    Where the file system cannot exchange two folders (Linux's renameat2), two renames are made, and for an instant
    there is no `target`. Raises OSError.
    """
    if not target.exists():
        new.rename(target)
    elif not _exchange(new, target):
        target.rename(old)
        new.rename(target)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, one process at a time; remove what killed processes left in it. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for left in folder.glob(f"{ASIDE}*"):
            shutil.rmtree(left) if left.is_dir() else _unlink_abandoned(left)
        yield
    finally:
        os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` a hard link to the file `source`, or a copy where the file system has no links. Raises OSError."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def flush(path: Path) -> None:
    """Write a file's bytes, or a folder's entries, through to the disk (fsync). Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink_abandoned(aside: Path) -> None:
    """Remove a file in preparation unless a process that lives is still writing it."""
    with suppress(OSError), aside.open("rb") as file:  # locked, renamed since it was found, or another user's
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        aside.unlink()


def _exchange(one: Path, other: Path) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(other))

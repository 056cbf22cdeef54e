"""Files: atomic replacement, of several that belong together too, and SHA-256."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file atomically: a reader sees the old content or the new one, whole.

    The content goes to a temporary file in the same folder, is flushed to the disk and renamed. Missing parent folders
    are made. Raises OSError and then leaves the old file unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as temporary:
        try:
            temporary.write(content)
            temporary.flush()
            os.fsync(temporary.fileno())
            # NamedTemporaryFile makes files that only their owner may read.
            Path(temporary.name).chmod(0o644)
            Path(temporary.name).replace(path)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise


def replace_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, atomically. Raises OSError, and TypeError for what JSON cannot hold."""
    replace_file(path, json.dumps(value, indent=2).encode() + b"\n")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM while the block runs, so that files which belong together are all written.

    A signal that came meanwhile is handled at the end of the block. Threads other than the main one get no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: signal.signal(number, lambda *args: came.append(args[0])) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None for one that was set in C
        if came:
            signal.raise_signal(came[0])


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hex, read in pieces. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

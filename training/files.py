"""Files: atomic replacement and SHA-256."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any


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


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hex, read in pieces. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

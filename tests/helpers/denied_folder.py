"""A folder that may not be read, also for root, who may read all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


def deny_folder(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let `os.scandir` raise PermissionError for folders of this name."""
    allowed = os.scandir

    def scandir(path: Path) -> Any:
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return allowed(path)

    monkeypatch.setattr(os, "scandir", scandir)

"""Figures of a step: a JSON file that is written at each new figure, so that a step that is cut keeps what it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Figures:
    """The figures of one step by name, and its outcome, in `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: dict[str, Any] = {"outcome": "cut", "figures": {}}

    def add(self, **figures: Any) -> None:
        """Add figures, or replace them, and write the file."""
        self._content["figures"] |= figures
        self._write()

    def end(self, outcome: str, reason: str = "") -> None:
        """Write how the step ended: `done`, `skipped` or `failed`; and why it did not get to its end."""
        self._content |= {"outcome": outcome} | ({"reason": reason} if reason else {})
        self._write()

    def _write(self) -> None:
        aside = self._path.with_suffix(".part")
        aside.write_text(json.dumps(self._content, indent=1) + "\n")
        aside.replace(self._path)

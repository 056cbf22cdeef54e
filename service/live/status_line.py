"""Status line: one line at the bottom of a terminal that is written over again and again."""

from __future__ import annotations

import shutil
import sys

from rich.cells import set_cell_size

CLEAR = "\r\x1b[2K"


class StatusLine:
    """A line on stderr that is shown where that is a terminal, and nowhere else."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Show this text in place of the one before, cut to the width of the terminal."""
        if self._is_shown:
            width = shutil.get_terminal_size().columns - 1
            cut = set_cell_size(text, min(width, len(text)))
            sys.stderr.write(f"{CLEAR}{cut}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line, so that something else can be printed."""
        if self._is_shown:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()

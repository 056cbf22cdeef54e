"""Progress of an export: on stderr, a status line on a terminal and a line per step elsewhere; or by a function."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status

_LOGGER = logging.getLogger("export")


@contextmanager
def progress_on_stderr(prefix: str = "") -> Iterator[None]:
    """Show each step that this package logs while the block runs; `prefix` precedes it. Warnings are always lines.

    with progress_on_stderr():
        publish(request, store)
    """
    console = Console(stderr=True)
    with console.status(escape(prefix)) as status, _handled_by(_Steps(console, status, prefix)):
        yield


@contextmanager
def progress_to(step: Callable[[str], None], warning: Callable[[str], None]) -> Iterator[None]:
    """Call a function with the text of each step that this package logs while the block runs, and one for warnings."""
    with _handled_by(_Texts(step, warning)):
        yield


@contextmanager
def _handled_by(handler: logging.Handler) -> Iterator[None]:
    level = _LOGGER.level
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        _LOGGER.setLevel(level)
        _LOGGER.removeHandler(handler)


class _Texts(logging.Handler):
    """Handler of log records that passes their texts on."""

    def __init__(self, step: Callable[[str], None], warning: Callable[[str], None]) -> None:
        super().__init__()
        self._step, self._warning = step, warning

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on a record's text."""
        tell = self._step if record.levelno < logging.WARNING else self._warning
        tell(record.getMessage())


class _Steps(logging.Handler):
    """Handler of log records: the status of a terminal, or lines with the seconds since the start."""

    def __init__(self, console: Console, status: Status, prefix: str) -> None:
        super().__init__()
        self._console, self._status, self._prefix = console, status, prefix
        self._start = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        text = f"{self._prefix}{record.getMessage()}"
        if self._console.is_terminal and record.levelno < logging.WARNING:
            self._status.update(escape(text))
        else:
            line = f"{time.monotonic() - self._start:5.0f} s  {text}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

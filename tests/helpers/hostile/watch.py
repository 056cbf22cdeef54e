"""Watches: detect that any process opens a file or connects to an address."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

IN_ACCESS, IN_OPEN = 0x1, 0x20


class FileWatch:
    """Detects with inotify that a file is opened or read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        libc = ctypes.CDLL(None, use_errno=True)
        self._events = libc.inotify_init1(os.O_NONBLOCK)
        if self._events < 0 or libc.inotify_add_watch(self._events, bytes(path), IN_ACCESS | IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), f"cannot watch {path}")

    def was_touched(self) -> bool:
        """Return True if the file was opened or read since the last call."""
        try:
            return bool(os.read(self._events, 4096))
        except BlockingIOError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._events)


@contextmanager
def listening() -> Iterator[socket.socket]:
    """Listen on a free local port; `was_called` reports connections to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def was_called(server: socket.socket) -> bool:
    """Return True if a client has connected since the last call."""
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True

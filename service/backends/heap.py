"""Heap of this process: what the C library keeps of freed memory goes back to the system."""

from __future__ import annotations

import ctypes


def give_back_freed_memory() -> None:
    """Return freed memory to the system, where the C library can: loading a graph frees more than its weights take."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)

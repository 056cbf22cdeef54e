"""Memory that was freed."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from service.backends.heap import give_back_freed_memory
from tests.helpers.paths import REPOSITORY

PIECES = """
import ctypes, psutil
from service.backends.heap import give_back_freed_memory

libc, resident = ctypes.CDLL(None), lambda: psutil.Process().memory_info().rss
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
pieces = [libc.malloc(60_000) for _ in range(1000)]
for piece in pieces:
    ctypes.memset(piece, 1, 60_000)
for piece in pieces[:-1]:
    libc.free(piece)
before = resident()
give_back_freed_memory()
print(before - resident())
"""


@pytest.mark.skipif(not hasattr(psutil, "LINUX") or not psutil.LINUX, reason="other C libraries keep it")
def test_freed_memory_below_what_is_held_goes_back():
    command = [sys.executable, "-c", PIECES]
    given_back = int(subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout)
    assert given_back > 50_000_000


def test_a_c_library_without_the_call_is_left_alone(monkeypatch):
    monkeypatch.setattr("service.backends.heap.ctypes.CDLL", lambda _: object())
    give_back_freed_memory()

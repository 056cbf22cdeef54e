"""Copies of an MP4 that differ in their bytes and show the same."""

from __future__ import annotations


def copies_of(video: bytes, number: int, first: int = 0) -> list[bytes]:
    """Return copies with a box of free space at the end, whose size differs."""
    return [video + (8 + size).to_bytes(4, "big") + b"free" + bytes(size) for size in range(first, first + number)]

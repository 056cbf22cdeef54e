"""The names that videos go by. They tell only what to take from a folder; what is in a file, decoding finds out."""

from __future__ import annotations

import os

_KNOWN = "3gp asf avi flv gif m2ts m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv"

_SUFFIXES = frozenset(f".{suffix}" for suffix in _KNOWN.split())


def is_named_as_video(name: str) -> bool:
    """Whether a file's name or path ends as a video's does, in capitals or not."""
    return os.path.splitext(name)[1].lower() in _SUFFIXES

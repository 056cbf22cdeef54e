"""The videos that a command line names: files, folders of them, and patterns that the shell left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path

_KNOWN = "3gp asf avi flv gif m2ts m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv"
SUFFIXES = frozenset(f".{name}" for name in _KNOWN.split())
"""Names that videos go by. They tell only what to take from a folder: a file that is named outright is always taken."""


def find_videos(names: Sequence[Path]) -> Iterator[Path]:
    """The files of each name in turn, a folder's and a pattern's in the order of their names.

    A name that leads to no video comes back as it is, for whoever opens it to say why.
    """
    for name in names:
        yield from _videos_of(name) or [name]


def _videos_of(name: Path) -> list[Path]:
    if name.is_dir():
        return _videos_in(name)
    if not name.exists() and has_magic(str(name)):
        return [video for match in sorted(glob(str(name), recursive=True)) for video in _videos_of(Path(match))]
    return [name]


def _videos_in(folder: Path) -> list[Path]:
    """At any depth, without what is hidden."""
    return [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES and _is_shown(path, folder)]


def _is_shown(path: Path, folder: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)

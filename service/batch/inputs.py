"""The videos that a command line names: files, folders of them, and patterns that the shell left alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path

from clips.decoding.filenames import is_named_as_video


def find_videos(names: Sequence[Path]) -> Iterator[Path]:
    """The files of each name in turn, a folder's and a pattern's in the order of their names.

    What is named outright is taken whatever its name. A name that leads to no video comes back as it is, for whoever
    opens it to say why; so does a folder in a folder that may not be read.
    """
    for name in names:
        videos = _videos_of(name)
        yield next(videos, name)
        yield from videos


def _videos_of(name: Path) -> Iterator[Path]:
    if name.is_dir():
        yield from _videos_in(name)
    elif not name.exists() and has_magic(str(name)):
        for match in sorted(glob(str(name), recursive=True)):
            yield from _videos_of(Path(match))
    else:
        yield name


def _videos_in(folder: Path) -> Iterator[Path]:
    """At any depth, without what is hidden; folders that are links are left out, as they may lead in circles."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except PermissionError:
        yield folder
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _videos_in(Path(entry))
        elif is_named_as_video(entry.name) and entry.is_file():
            yield Path(entry)

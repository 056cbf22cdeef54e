"""The videos that a command line names: files, folders of them, and patterns that the shell left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path

from clips.decoding.filenames import find_videos


def expand_inputs(names: Sequence[Path]) -> Iterator[Path]:
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
        yield from find_videos(name)
    elif not name.exists() and has_magic(str(name)):
        for match in sorted(glob(str(name), recursive=True)):
            yield from _videos_of(Path(match))
    else:
        yield name

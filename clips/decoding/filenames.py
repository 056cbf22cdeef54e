"""Video files in a folder, found by their suffix.

A suffix only decides which files of a folder are taken. The decoder looks at a file's bytes, never at its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_SUFFIXES_BY_DEMUXER = {
    "mov": "mp4 m4v mov qt 3gp 3g2 f4v ismv mj2",
    "matroska, webm": "mkv mk3d webm",
    "avi": "avi divx xvid",
    "mpegts": "ts m2ts mts m2t tp trp",
    "mpeg": "mpg mpeg vob",
    "flv": "flv",
    "asf": "asf wmv",
    "ogg": "ogv ogm",
    "h264": "264 avc h264 h26l",
    "hevc": "265 h265 hevc",
    "mpegvideo": "m1v m2v mpv",
    "ivf, obu": "ivf obu",
    "gif": "gif",
    "mjpeg": "mjpeg mjpg",
    "mxf": "mxf",
    "rm": "rm rmvb",
    "dv": "dv dif",
}

VIDEO_SUFFIXES = frozenset(f".{suffix}" for line in _SUFFIXES_BY_DEMUXER.values() for suffix in line.split())
"""Suffixes of the containers and raw streams that `clips.decoding.container.DEMUXERS` read, in lower case."""


def is_named_as_video(name: str) -> bool:
    """Return True if a file's name or path ends in a video's suffix, in upper or lower case.

    is_named_as_video("take.MP4")    # True
    """
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES


def find_videos(folder: Path, *, follow_links: bool = False) -> Iterator[Path]:
    """Yield the video files below a folder at any depth, in the order of their names; hidden names are left out.

        list(find_videos(Path("clips")))    # [Path("clips/a.mp4"), Path("clips/takes/1.mov")]

    A folder without read permission is yielded itself, so that opening it reports the reason. Links to files count as
    files. Links to folders are entered with `follow_links` only, and never when they lead back to a folder above.
    """
    return _walk(folder, follow_links, above=frozenset())


def _walk(folder: Path, follow_links: bool, above: frozenset[Path]) -> Iterator[Path]:
    real = folder.resolve()
    if real in above:
        return
    try:
        with os.scandir(folder) as found:
            entries = sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except PermissionError:
        yield folder
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=follow_links):
            yield from _walk(Path(entry), follow_links, above | {real})
        elif is_named_as_video(entry.name) and entry.is_file():
            yield Path(entry)

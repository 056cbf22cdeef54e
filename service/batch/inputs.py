"""Inputs of a command line: files, folders, patterns, standard input and pipes become a list of videos."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from clips.decoding.errors import LimitExceeded
from clips.decoding.filenames import find_videos, is_named_as_video
from clips.decoding.frame_folder import find_frames
from service.batch.remote_inputs import find_remote_videos
from service.store.addresses import address_of

STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Inputs:
    """Videos in the order named, and the files of folders that were passed over: not named as videos, no frames."""

    videos: tuple[Path, ...]
    passed_over: tuple[Path, ...]


def find_inputs(names: Sequence[Path]) -> Inputs:
    """Find the videos of each name in turn; those of a folder or a pattern in the order of their names.

        find_inputs([Path("clips"), Path("-")])    # videos: clips/a.mp4, clips/frames/, -

    Names may be addresses, for which AddressError is raised.

    A file that is named itself is taken whatever its suffix. A folder of frames at any depth is one video. A name that
    leads to no video is kept, so that opening it reports the reason, and so is a nested folder without read permission.
    """
    return _joined([_find(name) for name in names])


def is_stream(video: Path) -> bool:
    """Return True for standard input and named pipes, which can be read only once and from start to end."""
    return video == STANDARD_INPUT or video.is_fifo()


def read_stream(video: Path, max_bytes: int) -> bytes:
    """Read standard input or a pipe to its end; raises LimitExceeded beyond `max_bytes`, and OSError."""
    with open(0 if video == STANDARD_INPUT else video, "rb", closefd=video != STANDARD_INPUT) as stream:
        content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise LimitExceeded(f"it holds more than {max_bytes} bytes; raise TIN_MAX_UPLOAD_BYTES")
    return content


def _find(name: Path) -> Inputs:
    if address := address_of(name):
        return Inputs(tuple(find_remote_videos(address)), ())
    found = _expand(name)
    return found if found.videos else Inputs((name,), found.passed_over)


def _expand(name: Path) -> Inputs:
    if name.is_dir():
        return _search(name)
    if name != STANDARD_INPUT and not name.exists() and has_magic(str(name)):
        return _joined([_expand(Path(match)) for match in sorted(glob(str(name), recursive=True))])
    return Inputs((name,), ())


def _joined(inputs: Sequence[Inputs]) -> Inputs:
    videos = [video for each in inputs for video in each.videos]
    passed_over = dict.fromkeys(file for each in inputs for file in each.passed_over)
    return Inputs(tuple(videos), tuple(passed_over))


def _search(folder: Path) -> Inputs:
    videos, passed_over = list(find_videos(folder)), list[Path]()
    for place, files in _visible_folders(folder):
        others = {file for file in files if not is_named_as_video(file)}
        frames = find_frames(place, others) if len(others) == len(files) else None
        if frames is not None:
            videos.append(place)
            others -= set(frames.files)
        passed_over += [place / file for file in sorted(others)]
    return Inputs(tuple(sorted(videos)), tuple(passed_over))


def _visible_folders(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder at any depth with the names of its files; hidden ones are left out."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(place), [name for name in files if not name.startswith(".")]

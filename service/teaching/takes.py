"""Takes: the clips of each action, in one folder per action."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from clips.decoding.filenames import is_named_as_video
from service.store.atomic import link_or_copy, replacing
from service.teaching.errors import FolderFull, NotTaught, TeachingConflict
from service.teaching.names import action_name

MAX_ACTIONS = 40
MAX_TAKES = 100
"""Of one action."""

SUFFIX_OF = {
    "mov": ".mp4",
    "matroska": ".webm",
    "avi": ".avi",
    "mpegts": ".ts",
    "mpeg": ".mpg",
    "flv": ".flv",
    "asf": ".wmv",
    "ogg": ".ogv",
    "gif": ".gif",
}
"""Suffix of a take's name, by the first of FFmpeg's names of its container; `.mkv` for any other."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class Take:
    """One clip of an action. `id` is made from its path, so that a file which was copied there has one too."""

    id: str
    path: Path
    num_bytes: int


@dataclass(frozen=True)
class TaughtAction:
    """An action and its takes, the oldest first."""

    name: str
    takes: tuple[Take, ...]


class Takes:
    """The folder `<root>/takes/<action>/`, with a small picture of each take in `<root>/thumbnails/`.

    Blocks while it reads and writes; one thread at a time may change it.

    Args:
        root: The operator's folder, TIN_TEACH_FOLDER.
        max_bytes: Most bytes of everything in it.
    """

    def __init__(self, root: Path, max_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._actions = root / "takes"
        self._thumbnails = root / "thumbnails"

    def actions(self) -> list[TaughtAction]:
        """Return the actions in the order of their names."""
        folders = [path for path in _entries(self._actions) if path.is_dir() and not path.name.startswith(".")]
        return [TaughtAction(path.name, tuple(_takes_in(path))) for path in sorted(folders, key=_in_words)]

    def add_action(self, text: str) -> TaughtAction:
        """Add an action without takes; raises BadName, TeachingConflict where there is one, and FolderFull."""
        name = action_name(text)
        present = [action.name for action in self.actions()]
        if name.casefold() in map(str.casefold, present):
            raise TeachingConflict(f"there is an action {name!r} already; choose another name")
        if len(present) >= MAX_ACTIONS:
            raise FolderFull(f"there are {MAX_ACTIONS} actions, which is the limit")
        with _full_disk_named():
            (self._actions / name).mkdir(parents=True)
        return TaughtAction(name, ())

    def remove_action(self, name: str) -> None:
        """Remove an action with its takes; raises NotTaught."""
        action = self._action(name)
        shutil.rmtree(self._actions / action.name)
        for take in action.takes:
            self._thumbnail(take).unlink(missing_ok=True)

    def add_take(self, name: str, video: bytes, container: str, thumbnail: bytes) -> Take:
        """Add a clip to an action.

        Args:
            name: The action's.
            video: The clip, which was decoded before.
            container: FFmpeg's name of its container, such as "matroska,webm".
            thumbnail: A JPEG of one of its frames.

        Raises NotTaught, TeachingConflict for a clip that is there already, and FolderFull, which leaves nothing
        behind.
        """
        action = self._action(name)
        self._check_new(video)
        if len(action.takes) >= MAX_TAKES:
            raise FolderFull(f"the action {action.name!r} has {MAX_TAKES} takes, which is the limit")
        self._check_room(len(video) + len(thumbnail))
        suffix = SUFFIX_OF.get(container.partition(",")[0], ".mkv")
        path = self._actions / action.name / f"{secrets.token_hex(8)}{suffix}"
        take = Take(_id_of(path), path, len(video))
        with _full_disk_named():
            self._thumbnails.mkdir(exist_ok=True)
            for target, content in ((self._thumbnail(take), thumbnail), (path, video)):
                with replacing(target) as aside:
                    aside.write_bytes(content)
        return take

    def find(self, take_id: str) -> Take:
        """Return a take; raises NotTaught."""
        found = [take for action in self.actions() for take in action.takes if take.id == take_id]
        if not found:
            raise NotTaught("there is no such take; it may have been deleted")
        return found[0]

    def thumbnail_of(self, take_id: str) -> Path:
        """Return the path of a take's picture; raises NotTaught where it has none."""
        path = self._thumbnail(self.find(take_id))
        if not path.is_file():
            raise NotTaught("this take has no picture")
        return path

    def remove_take(self, take_id: str) -> None:
        """Remove a take; raises NotTaught."""
        take = self.find(take_id)
        take.path.unlink(missing_ok=True)
        self._thumbnail(take).unlink(missing_ok=True)

    def snapshot(self, target: Path) -> None:
        """Link all takes to `<target>/<action>/`, where they stay as they are while others are deleted.

        Raises FolderFull where the file system has no links, and no room for copies.
        """
        with _full_disk_named():
            for action in self.actions():
                (target / action.name).mkdir(parents=True)
                for take in action.takes:
                    link_or_copy(take.path, target / action.name / take.path.name)

    def num_bytes(self) -> int:
        """Return the bytes of everything in the folder; a file with several names counts once."""
        sizes = {}
        for folder, _, files in os.walk(self._root):
            for name in files:
                with suppress(FileNotFoundError):  # a training writes and deletes at the same time
                    stat = os.lstat(os.path.join(folder, name))
                    sizes[stat.st_ino] = stat.st_size
        return sum(sizes.values())

    def _action(self, text: str) -> TaughtAction:
        found = [action for action in self.actions() if action.name == text]
        if not found:
            raise NotTaught(f"there is no action {text!r}; it may have been deleted")
        return found[0]

    def _thumbnail(self, take: Take) -> Path:
        return self._thumbnails / f"{take.id}.jpg"

    def _check_new(self, video: bytes) -> None:
        """A training would leave a copy out, and could not use one that two actions have."""
        for action in self.actions():
            if any(take.num_bytes == len(video) and take.path.read_bytes() == video for take in action.takes):
                raise TeachingConflict(f"the action {action.name!r} has this very clip already; take another one")

    def _check_room(self, num_bytes: int) -> None:
        held = self.num_bytes()
        if held + num_bytes > self._max_bytes:
            raise FolderFull(
                f"the takes may have {self._max_bytes:,} bytes, and have {held:,}; delete some, or raise "
                "TIN_TEACH_MAX_BYTES"
            )


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _takes_in(folder: Path) -> Iterator[Take]:
    videos = [path for path in _entries(folder) if is_named_as_video(path.name) and not path.name.startswith(".")]
    stats = {path: path.stat() for path in videos if path.is_file()}
    for path in sorted(stats, key=lambda path: (stats[path].st_mtime_ns, path.name)):
        yield Take(_id_of(path), path, stats[path].st_size)


def _in_words(path: Path) -> tuple[str, str]:
    return path.name.casefold(), path.name


def _id_of(path: Path) -> str:
    return hashlib.sha256(f"{path.parent.name}/{path.name}".encode()).hexdigest()[:16]


@contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise FolderFull("the disk of TIN_TEACH_FOLDER is full; make room there, or delete takes") from error

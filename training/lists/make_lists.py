"""Scan of an annotated data set on the disk, and the list files written from it."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from clips.decoding.filenames import find_videos
from training.files import replace_file
from training.lists.annotations import Annotation, Annotations
from training.lists.frame_folder import FrameFolder


@dataclass
class DatasetScan:
    """Result of looking for annotated clips on the disk: usable, missing and unreadable ones, by name."""

    usable: dict[str, str] = field(default_factory=dict)
    """The part of a list's line before the label: `name num_frames`, or the path of a video."""
    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    """The reason, by name."""

    def find(self, names: Iterable[str], available: Container[str]) -> list[str]:
        """Return the names that are available; record the others as missing."""
        present: list[str] = []
        for name in names:
            (present if name in available else self.missing).append(name)
        return present

    def add_video(self, path: Path, root: Path) -> None:
        """Record the video `root / path`, as unreadable if it is empty, as after a failed download."""
        if (root / path).stat().st_size:
            self.usable[path.stem] = path.as_posix()
        else:
            self.unreadable[path.stem] = f"{path} is empty"

    def add_frames(self, folder: FrameFolder) -> None:
        """Record a folder of frames, or its problem."""
        if folder.problem:
            self.unreadable[folder.name] = folder.problem
        else:
            self.usable[folder.name] = f"{folder.name} {folder.num_frames}"

    def usable_items(self, items: Iterable[Annotation]) -> list[Annotation]:
        """Return the annotations whose clips are usable."""
        return [item for item in items if item.name in self.usable]


def videos_by_name(root: Path) -> dict[str, Path]:
    """Map each name without suffix to its video below `root`, relative to `root`; the first of equal names counts.

    Links to folders are followed, since data sets are often spread over several disks.
    """
    found = [path.relative_to(root) for path in find_videos(root, follow_links=True) if path.is_file()]
    return {path.stem: path for path in reversed(found)}


def write_lists(annotations: Annotations, scan: DatasetScan, out: Path) -> None:
    """Write train.txt, val.txt, labels.txt, missing.txt and unreadable.txt, each atomically."""
    _write(out / "labels.txt", annotations.labels)
    _write(out / "missing.txt", scan.missing)
    _write(out / "unreadable.txt", (f"{name}: {reason}" for name, reason in scan.unreadable.items()))
    for split, items in annotations.splits.items():
        lines = (f"{scan.usable[item.name]} {item.label}" for item in scan.usable_items(items))
        _write(out / f"{split}.txt", lines)


def _write(path: Path, lines: Iterable[str]) -> None:
    replace_file(path, "".join(f"{line}\n" for line in lines).encode())

"""What of an annotated data set is on the disk, and the list files that say so."""

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
    """What became of each annotated name."""

    listed: dict[str, str] = field(default_factory=dict)
    """What stands before the label in a list: `name num_frames`, or the path of a video."""
    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Why, by name."""

    def look_for(self, names: Iterable[str], there: Container[str]) -> list[str]:
        """Those of the names that are there; the others are taken down as missing."""
        present: list[str] = []
        for name in names:
            (present if name in there else self.missing).append(name)
        return present

    def add_video(self, path: Path, root: Path) -> None:
        """Take down the video `root / path`, unless it is empty, as after a download that failed."""
        if (root / path).stat().st_size:
            self.listed[path.stem] = path.as_posix()
        else:
            self.unreadable[path.stem] = f"{path} is empty"

    def add_frames(self, folder: FrameFolder) -> None:
        """Take down a folder of frames, or why there is none."""
        if folder.problem:
            self.unreadable[folder.name] = folder.problem
        else:
            self.listed[folder.name] = f"{folder.name} {folder.num_frames}"

    def present(self, items: Iterable[Annotation]) -> list[Annotation]:
        """Those of the items that a list can have."""
        return [item for item in items if item.name in self.listed]


def videos_by_name(root: Path) -> dict[str, Path]:
    """Map each name without suffix to its video below `root`, relative to `root`; the first of equal names counts.

    Links to folders are followed, since data sets are often spread over several disks.
    """
    found = [path.relative_to(root) for path in find_videos(root, follow_links=True) if path.is_file()]
    return {path.stem: path for path in reversed(found)}


def write_lists(annotations: Annotations, scan: DatasetScan, out: Path) -> None:
    """Write train.txt, val.txt, labels.txt, missing.txt and unreadable.txt, each whole; the last two may be empty."""
    _write(out / "labels.txt", annotations.labels)
    _write(out / "missing.txt", scan.missing)
    _write(out / "unreadable.txt", (f"{name}: {reason}" for name, reason in scan.unreadable.items()))
    for split, items in annotations.splits.items():
        lines = (f"{scan.listed[item.name]} {item.label}" for item in scan.present(items))
        _write(out / f"{split}.txt", lines)


def _write(path: Path, lines: Iterable[str]) -> None:
    replace_file(path, "".join(f"{line}\n" for line in lines).encode())

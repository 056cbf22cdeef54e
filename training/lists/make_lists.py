"""List files, and the scan of an annotated data set on the disk that some are written from."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clips.decoding.filenames import find_videos
from training.files import replace_file
from training.lists.annotations import Annotation, Annotations
from training.lists.clip_set import SPLITS, LabelledClip
from training.lists.frame_folder import FrameFolder
from training.lists.item_list import item_line
from training.lists.splits import Split


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
    write_unreadable(scan.unreadable, out)
    for split, items in annotations.splits.items():
        lines = (f"{scan.usable[item.name]} {item.label}" for item in scan.usable_items(items))
        _write(out / f"{split}.txt", lines)


def write_unreadable(reasons: Mapping[str, str] | Mapping[Path, str], out: Path) -> None:
    """Write unreadable.txt: a line of name and reason for each clip that cannot be read."""
    _write(out / "unreadable.txt", (f"{name}: {reason}" for name, reason in reasons.items()))


def write_splits(labels: Sequence[str], splits: Mapping[str, Split], out: Path) -> None:
    """Write labels.txt in `out` and, in each split's folder below, train.txt, val.txt and, where it has one, test.txt.

        write_splits(clip_set.labels, {".": split}, Path("data/gestures"))

    Lists of an earlier call that are not written again are removed.
    """
    lists = {out / "labels.txt": list(labels)}
    for folder, split in splits.items():
        parts = {"train": split.train, "val": split.val, **({"test": split.test} if split.test else {})}
        lists |= {out / folder / f"{part}.txt": _lines(clips, labels) for part, clips in parts.items()}
    for path, lines in lists.items():
        _write(path, lines)
    _remove_lists(out, keep=lists)


def _lines(clips: Iterable[LabelledClip], labels: Sequence[str]) -> list[str]:
    number_of = {label: number for number, label in enumerate(labels)}
    return [item_line(clip.path.as_posix(), number_of[clip.label]) for clip in clips]


def _remove_lists(out: Path, *, keep: Container[Path]) -> None:
    """Remove the lists of an earlier split, so that no fold of it is taken for one of this."""
    names = [f"{part}.txt" for part in SPLITS]
    found = [path for name in names for path in (out / name, *out.glob(f"fold-*/{name}"))]
    for path in found:
        if path not in keep and path.exists():
            path.unlink()
            if path.parent != out and not any(path.parent.iterdir()):
                path.parent.rmdir()


def _write(path: Path, lines: Iterable[str]) -> None:
    replace_file(path, "".join(f"{line}\n" for line in lines).encode())

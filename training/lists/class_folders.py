"""Reader of a folder of videos, with a folder for each class: `DIR/<class>/` or `DIR/{train,val,test}/<class>/`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from clips.decoding.filenames import find_videos, is_named_as_video
from training.lists.clip_set import SPLITS, ClipSet, ClipSetError, LabelledClip


def read_class_folders(root: Path, *, follow_links: bool = False) -> ClipSet:
    """Read the videos of each class folder, at any depth, in the order of their names.

        read_class_folders(Path("gestures")).labels    # ("clap", "wave")

    The folders of `root` are splits where `train` is among them with `val` or `test`, and classes otherwise. Hidden
    names are left out; other files that are no videos are counted.

    Args:
        root: The folder.
        follow_links: Take files outside of `root` that links lead to.

    Raises:
        ClipSetError: A folder or class is missing, empty or ambiguous, or a link leads out of `root`.
    """
    clips = tuple(_clips(root, _split_folders(root)))
    if not follow_links:
        _check_inside(root, clips)
    return ClipSet(root, clips, _count_other_files(root))


def _split_folders(root: Path) -> dict[str | None, Path]:
    """Map the splits to their folders; the only split is None where the folders are classes."""
    names = [folder.name for folder in _folders(root)]
    if "train" not in names or not {"val", "test"} & set(names):
        return {None: root}
    unknown = [name for name in names if name not in SPLITS]
    if unknown:
        raise ClipSetError(f"{root} has {unknown[0]} beside the splits train, val and test; move it into one of them")
    return {name: root / name for name in names}


def _clips(root: Path, splits: dict[str | None, Path]) -> Iterator[LabelledClip]:
    for split, parent in splits.items():
        for folder in _class_folders(parent):
            videos = list(find_videos(folder, follow_links=True))
            if not videos:
                raise ClipSetError(f"{folder} has no video; put the clips of this class there, or remove it")
            yield from (LabelledClip(video.relative_to(root), folder.name, split) for video in videos)


def _class_folders(parent: Path) -> list[Path]:
    folders = _folders(parent)
    if not folders:
        raise ClipSetError(f"{parent} has no folders; put the clips of each class into a folder with the class's name")
    loose = [path.name for path in parent.iterdir() if is_named_as_video(path.name) and path.is_file()]
    visible = sorted(name for name in loose if not name.startswith("."))
    if visible:
        raise ClipSetError(f"{parent / visible[0]} is in no class's folder; move it into one")
    return folders


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        raise ClipSetError(f"{parent} is not a folder; give the one that has a folder of clips for each class")
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))


def _check_inside(root: Path, clips: tuple[LabelledClip, ...]) -> None:
    real_root = root.resolve()
    for clip in clips:
        target = (root / clip.path).resolve()
        if not target.is_relative_to(real_root):
            raise ClipSetError(f"{root / clip.path} leads out of {root}, to {target}; allow it with --follow-links")


def _count_other_files(root: Path) -> int:
    """Count the visible files that are no videos, and links that lead nowhere."""
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = [name for name in files if not name.startswith(".")]
        count += sum(not (is_named_as_video(name) and Path(folder, name).is_file()) for name in visible)
    return count

"""Clips that a user gives: a folder of classes, a folder of splits, or a CSV file, checked by their content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.finetune.defaults import MAX_UNREADABLE_SHARE
from training.lists.checked_clips import CheckedClip, UsableClips, usable_clips
from training.lists.class_folders import read_class_folders
from training.lists.clip_set import ClipSet, ClipSetError
from training.lists.clip_table import read_clip_table

SHOWN = 5
"""Clips that are left out and named; of the others only the number is given."""


@dataclass(frozen=True)
class ClipsGiven:
    """The place of the clips, and the columns of their table.

    Args:
        source: A folder `DIR/<class>/` or `DIR/{train,val,test}/<class>/`, or a CSV file `file,label[,split][,group]`.
        group: Column of groups of a CSV file; by default `group`, which may be missing.
        ignore: Columns of a CSV file that are not read.
        follow_links: Take files outside of the folder that links lead to.
    """

    source: Path
    group: str | None = None
    ignore: tuple[str, ...] = ()
    follow_links: bool = False

    def read(self) -> ClipSet:
        """Read names and classes of the clips, without opening them. Raises ClipSetError and ItemListError."""
        if self.source.is_dir():
            self._check_no_columns()
            return read_class_folders(self.source.resolve(), follow_links=self.follow_links)
        if self.source.suffix.lower() != ".csv":
            raise ClipSetError(f"{self.source} is neither a folder nor a .csv file; give a folder of <class>/ folders")
        return read_clip_table(self.source.resolve(), group=self.group, ignore=self.ignore)

    def _check_no_columns(self) -> None:
        if self.group or self.ignore:
            raise ClipSetError(f"{self.source} is a folder, which has no columns; groups need a CSV file")


def usable_given(clip_set: ClipSet, checked: Iterable[CheckedClip]) -> UsableClips:
    """Leave out the clips that cannot be read, if they are few.

    Raises ClipSetError where more than MAX_UNREADABLE_SHARE of the clips cannot be read, or all of a class, and as
    `usable_clips` does.
    """
    usable = usable_clips(clip_set, checked, skip_unreadable=True)
    count, total = len(usable.unreadable), len(clip_set.clips)
    if count > MAX_UNREADABLE_SHARE * total:
        path, reason = next(iter(usable.unreadable.items()))
        raise ClipSetError(
            f"{count} of {total} clips cannot be read, such as {clip_set.root / path}: {reason}; replace or remove them"
        )
    return usable


def left_out(usable: UsableClips) -> Iterator[str]:
    """Yield a line for each of the first clips that are left out, and one for the others."""
    reasons = [f"left out {path}: {reason}" for path, reason in usable.unreadable.items()]
    reasons += [f"left out {path}: a copy of another clip" for path in usable.copies]
    yield from reasons[:SHOWN]
    if len(reasons) > SHOWN:
        yield f"left out {len(reasons) - SHOWN} more clips"

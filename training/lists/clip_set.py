"""Labelled clips: videos with a class name and, where given, a split and a group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from training.errors import BadInput
from training.lists.item_list import item_line

SPLITS = ("train", "val", "test")


class ClipSetError(BadInput):
    """The clips cannot be used for training; the message names the clip, class or folder, and says what to do."""


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A video and its class name. `path` is relative to the set's root, or absolute.

    `split` is one of SPLITS, or None where it is still to be chosen. Clips of one `group`, such as those of one person
    or one recording, belong on the same side of a split.
    """

    path: Path
    label: str
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class ClipSet:
    """Labelled clips below a root folder, of two classes or more; `num_ignored` counts the files that are no videos.

    Raises ClipSetError for a single class, and for class names that labels.txt cannot hold or that differ only by case,
    and ItemListError for a file name that a list cannot hold.
    """

    root: Path
    clips: tuple[LabelledClip, ...]
    num_ignored: int = 0

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise ClipSetError(f"{self.root} has {_named(self.labels)}; a model needs two or more to tell apart")
        for label in self.labels:
            _check_label(label)
        _check_case(self.labels)
        for clip in self.clips:
            item_line(clip.path.as_posix(), 0)

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, sorted; a class's number is its position."""
        return tuple(sorted({clip.label for clip in self.clips}))


def clips_per_class(clips: Iterable[LabelledClip]) -> Counter[str]:
    """Count the clips of each class."""
    return Counter(clip.label for clip in clips)


def _named(labels: tuple[str, ...]) -> str:
    return f"the class {labels[0]!r} only" if labels else "no class"


def _check_label(label: str) -> None:
    if label.splitlines() != [label.strip()]:
        raise ClipSetError(f"the class name {label!r} is not a line of labels.txt; give it another name")
    try:
        label.encode()
    except UnicodeEncodeError as error:
        raise ClipSetError(f"the class name {label!r} is not UTF-8; give it another name") from error


def _check_case(labels: tuple[str, ...]) -> None:
    known: dict[str, str] = {}
    for label in labels:
        first = known.setdefault(label.casefold(), label)
        if first != label:
            raise ClipSetError(f"the classes {first!r} and {label!r} differ only by case; rename one of them")

"""List files of a data set's items, one a line, in MMAction2's two forms.

    some/folder 48 7        a folder of 48 frames, class 7
    some/video.mp4 7        a video, class 7

Names may contain spaces; only the numbers at the end of a line are separated by them. MMAction2's other forms, with an
offset (`folder start 48 7`) or several labels (`folder 48 7 9`), are refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from clips.decoding.filenames import is_named_as_video
from training.errors import BadInput
from training.lists.frame_folder import LOOKUP_THREADS

FORMS = {1: "`name label`", 2: "`name num_frames label`"}
"""Forms of a line, by its numbers."""


class ItemListError(BadInput):
    """The list cannot be used; the message names it or the item, and says what to do."""


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list: a video file, or a folder of `num_frames` frames, and its class number."""

    path: Path
    label: int
    num_frames: int | None = None


def read_item_list(path: Path, *, root: Path, num_classes: int, with_frames: bool) -> list[ListItem]:
    """Read a list file. MMAction2: the annotation files of `RawframeDataset` (`with_frames`) and `VideoDataset`.

    Args:
        path: The list.
        root: The folder that the names are relative to.
        num_classes: Number of classes; labels must be below it.
        with_frames: Lines are `name num_frames label` instead of `name label`.

    Raises:
        ItemListError: The list is missing, empty or wrong; the message names it and the line.
    """
    items = []
    for number, line in enumerate(_lines_of(path), start=1):
        try:
            if line.strip():
                items.append(_parse(line, root, num_classes, with_frames=with_frames))
        except ValueError as error:
            raise ItemListError(f"{path}, line {number}: {error}") from error
    if not items:
        raise ItemListError(f"{path} is empty; make it with `python -m training.prepare`")
    return items


def item_line(name: str, label: int) -> str:
    """Return a video's line in a list, without its end.

    Raises ItemListError for a name that would be read back as another one, such as one with a line break.
    """
    line = f"{name} {label}"
    try:
        item = _parse(line.encode().decode("utf-8-sig"), Path(), label + 1, with_frames=False)
    except ValueError:  # also UnicodeEncodeError
        item = None
    if item is None or item.path != Path(name) or len(line.splitlines()) != 1:
        raise ItemListError(f"a list cannot hold the file name {name!r}; give the file another name")
    return line


def check_frame_folders(items: Sequence[ListItem], file_name: str) -> None:
    """Check that every folder holds the last of its frames, so that no epoch fails at a short one.

    `file_name` is a format of the frame's number, counted from 1, such as "img_{:05}.jpg". Raises ItemListError.
    """

    def is_complete(item: ListItem) -> bool:
        return os.path.isfile(item.path / file_name.format(item.num_frames))

    with ThreadPoolExecutor(LOOKUP_THREADS) as threads:
        complete = threads.map(is_complete, items)
        short = [item for item, is_whole in zip(items, complete, strict=True) if not is_whole]
    if short:
        raise ItemListError(_explain_short(short[0], file_name, f"{len(short)} of {len(items)} folders"))


def _lines_of(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise ItemListError(f"{path} does not exist; make it with `python -m training.prepare`") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ItemListError(f"{path} cannot be read as a list: {error}") from error


def _parse(line: str, root: Path, num_classes: int, *, with_frames: bool) -> ListItem:
    """Parse a line. Raises ValueError."""
    name, *numbers = _split(line.strip(), 2 if with_frames else 1)
    label = int(numbers[-1])
    num_frames = int(numbers[0]) if with_frames else None
    if not with_frames and _without_numbers(name, is_named_as_video) is not None:
        raise ValueError(f"{line.strip()!r} has several labels (MMAction2's `multi_class`); {FORMS[1]} is needed")
    if not 0 <= label < num_classes:
        raise ValueError(f"label {label} is outside the classes 0 to {num_classes - 1}")
    if num_frames is not None and num_frames < 1:
        advice = "leave it out, or extract its frames again"
        raise ValueError(_explain_other_form(root / name) or f"{name} has {num_frames} frames; {advice}")
    return ListItem(root / name, label, num_frames)


def _split(line: str, num_numbers: int) -> list[str]:
    parts = line.rsplit(maxsplit=num_numbers)
    if len(parts) <= num_numbers or not all(map(_is_whole, parts[1:])):
        raise ValueError(f"{line!r} is not of the form {FORMS[num_numbers]}")
    return parts


def _is_whole(number: str) -> bool:
    return number.removeprefix("-").isdecimal()


def _explain_short(item: ListItem, file_name: str, how_many: str) -> str:
    if other_form := _explain_other_form(item.path):
        return other_form
    last = file_name.format(item.num_frames)
    missing = f"lacks {last}, the last of its {item.num_frames} frames" if item.path.is_dir() else "does not exist"
    return (
        f"{item.path} {missing} (incomplete: {how_many}); extract the frames again with "
        "`python -m training.prepare`, or correct the list, the root or the file name in the recipe"
    )


def _explain_other_form(folder: Path) -> str | None:
    """Explain a line of MMAction2's other forms, whose first numbers were taken for the end of a folder's name."""
    meant = _without_numbers(str(folder), os.path.isdir)
    if meant is None:
        return None
    return (
        f"{folder} does not exist, but {meant} does: the list seems to have offsets (`name start num_frames label`) or "
        f"several labels (`name num_frames label label`), MMAction2's `with_offset` and `multi_class`; "
        f"{FORMS[2]} is needed"
    )


def _without_numbers(name: str, is_item: Callable[[str], bool]) -> str | None:
    """Return the item that a name starts with and only numbers follow; None for an item, or if there is none."""
    rest = name
    while not is_item(rest):
        match = re.fullmatch(r"(.*\S)\s+-?\d+", rest)
        if match is None:
            return None
        rest = match[1]
    return None if rest == name else rest

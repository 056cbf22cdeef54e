"""Reader of a CSV file of clips: `file,label[,split][,group]`, with a header and paths relative to the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from training.lists.clip_set import SPLITS, ClipSet, ClipSetError, LabelledClip

NEEDED = ("file", "label")


def read_clip_table(path: Path, *, group: str | None = None, ignore: Collection[str] = ()) -> ClipSet:
    """Read the clips of a CSV file, in its order; spaces around values are left out.

        read_clip_table(Path("clips.csv"), group="person", ignore=["camera"])

    Args:
        path: The file, in UTF-8.
        group: Name of the column of groups; by default `group`, which may be missing.
        ignore: Names of columns that are not read.

    Raises:
        ClipSetError: The file, a column or a row is missing or wrong; the message names the line.
    """
    rows = _rows(path)
    _, header = next(rows, (1, []))
    _check_header(path, header, group, ignore)
    lines: dict[Path, int] = {}
    clips = []
    for number, values in rows:
        try:
            clip = _parse(header, values, group or "group", ignore)
            _check_file(path.parent, clip.path, lines.setdefault(clip.path, number), number)
        except ValueError as error:
            raise ClipSetError(f"{path}, line {number}: {error}") from error
        clips.append(clip)
    return ClipSet(path.parent, tuple(clips))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the number of its last line."""
    try:
        reader = csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
        for row in reader:
            values = [value.strip() for value in row]
            if any(values):
                yield reader.line_num, values
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ClipSetError(f"{path} cannot be read as a CSV file: {reason}") from error


def _check_header(path: Path, header: Sequence[str], group: str | None, ignore: Collection[str]) -> None:
    needed = [*NEEDED, *([group] if group else [])]
    lacking = [column for column in (*needed, *ignore) if column not in header]
    if lacking:
        raise ClipSetError(f"{path}: its first line, the header, lacks {', '.join(lacking)}")
    known = {*needed, "split", group or "group", *ignore}
    unknown = [column for column in header if column not in known]
    if unknown:
        raise ClipSetError(
            f"{path} has the unknown column {unknown[0]!r}; name it file, label, split or group, take it for the group "
            f"with --group {unknown[0]}, or leave it out with --ignore {unknown[0]}"
        )
    twice = [column for column in header if header.count(column) > 1]
    if twice:
        raise ClipSetError(f"{path} has the column {twice[0]!r} twice; leave one of them out")


def _parse(header: Sequence[str], values: Sequence[str], group: str, ignore: Collection[str]) -> LabelledClip:
    """Parse a row. Raises ValueError."""
    if len(values) != len(header):
        raise ValueError(f"it has {len(values)} values for {len(header)} columns; put quotes around one with a comma")
    row = {column: value for column, value in zip(header, values, strict=True) if column not in ignore}
    lacking = [column for column in (*NEEDED, "split", group) if row.get(column) == ""]
    if lacking:
        raise ValueError(f"it has no {lacking[0]}")
    split = row.get("split")
    if split is not None and split not in SPLITS:
        raise ValueError(f"the split {split!r} is not one of {', '.join(SPLITS)}")
    return LabelledClip(Path(row["file"]), row["label"], split, row.get(group))


def _check_file(root: Path, path: Path, first_line: int, line: int) -> None:
    """Check that a file exists and was not listed before. Raises ValueError."""
    if first_line != line:
        raise ValueError(f"{path} is in line {first_line} already; leave one of the two out")
    if not (root / path).is_file():
        raise ValueError(f"there is no file {root / path}; paths are relative to the CSV file")

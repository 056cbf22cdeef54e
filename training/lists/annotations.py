"""Readers of the official annotation files of Kinetics-400 and Something-Something.

Classes are numbered as in MMAction2 (`tools/data/parse_file_list.py`), so that published checkpoints fit.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from training.errors import BadInput

KINETICS_COLUMNS = ("label", "youtube_id", "time_start", "time_end")

T = TypeVar("T")


class AnnotationError(BadInput):
    """An annotation file is missing or malformed; the message names it, and the line or item."""


class Annotation(NamedTuple):
    """An annotated clip: name of its video without suffix or of its frame folder, and class number."""

    name: str
    label: int


@dataclass(frozen=True)
class Annotations:
    """The class names in the order of their numbers, and the annotations of the splits `train` and `val`."""

    labels: tuple[str, ...]
    splits: Mapping[str, Sequence[Annotation]]

    def names(self) -> list[str]:
        """List the names of all clips, each once."""
        return list(dict.fromkeys(item.name for items in self.splits.values() for item in items))


def read_kinetics400(folder: Path) -> Annotations:
    """Read Kinetics-400's `*train.csv` and `*val.csv` or `*validate.csv`, with or without the column `is_cc`.

    Classes are the sorted labels of the training file. Names consist of the video's id, first and last second, as the
    official downloader names files: `0wR5jVB-WPk_000417_000427`. Raises AnnotationError.
    """
    files = {"train": _only_file(folder, "train.csv"), "val": _only_file(folder, "val.csv", "validate.csv")}
    tables = {split: list(_table(path, KINETICS_COLUMNS)) for split, path in files.items()}
    labels = tuple(sorted({row["label"] for _, row in tables["train"]}))
    index_of = _index(labels, files["train"])

    def parse(row: dict[str, str]) -> Annotation:
        start, end = (int(float(row[column])) for column in ("time_start", "time_end"))
        return Annotation(f"{row['youtube_id']}_{start:06d}_{end:06d}", index_of(row["label"]))

    return Annotations(labels, {split: _parse_all(files[split], rows, parse) for split, rows in tables.items()})


def read_sthv1(folder: Path) -> Annotations:
    """Read Something-Something V1's `*labels.csv`, `*train.csv` and `*validation.csv`. Raises AnnotationError.

    Classes are in the order of their file. TSM's own code sorts them: its checkpoints have other numbers.
    """
    labels_file = _only_file(folder, "labels.csv")
    labels = tuple(line for _, line in _lines(labels_file))
    index_of = _index(labels, labels_file)

    def parse(line: str) -> Annotation:
        name, separator, label = line.partition(";")
        if not separator:
            raise ValueError(f"{line!r} is not of the form `id;label`")
        return Annotation(_checked_id(name), index_of(label))

    files = {"train": _only_file(folder, "train.csv"), "val": _only_file(folder, "validation.csv")}
    return Annotations(labels, {split: _parse_all(path, _lines(path), parse) for split, path in files.items()})


def read_sthv2(folder: Path) -> Annotations:
    """Read Something-Something V2's `*labels.json`, `*train.json` and `*validation.json`. Raises AnnotationError.

    A clip's class is its template without the brackets.
    """
    labels_file = _only_file(folder, "labels.json")
    labels = _numbered_labels(labels_file)
    index_of = _index(labels, labels_file)

    def parse(entry: Any) -> Annotation:
        if not isinstance(entry, dict) or not isinstance(entry.get("template"), str):
            raise ValueError("it has no template")
        template = entry["template"].replace("[", "").replace("]", "")
        return Annotation(_checked_id(entry.get("id")), index_of(template))

    files = {"train": _only_file(folder, "train.json"), "val": _only_file(folder, "validation.json")}
    return Annotations(labels, {split: _parse_all(path, _entries(path), parse) for split, path in files.items()})


def _only_file(folder: Path, *endings: str) -> Path:
    """Return the only file of a folder whose name has one of the endings."""
    if not folder.is_dir():
        raise AnnotationError(f"there is no folder {folder}; put the official annotation files there")
    found = sorted(path for path in folder.iterdir() if path.name.endswith(endings))
    if len(found) == 1:
        return found[0]
    wanted = " or ".join(f"*{ending}" for ending in endings)
    if found:
        raise AnnotationError(f"{folder} has {', '.join(path.name for path in found)}; leave one {wanted} there")
    raise AnnotationError(f"{folder} has no {wanted}; put the official annotation files there")


def _parse_all(path: Path, rows: Iterable[tuple[str, T]], parse: Callable[[T], Annotation]) -> tuple[Annotation, ...]:
    items = []
    for position, row in rows:
        try:
            items.append(parse(row))
        except ValueError as error:
            raise AnnotationError(f"{path}, {position}: {error}") from error
    if not items:
        raise AnnotationError(f"{path} has no annotations; it should be the official file")
    return tuple(items)


def _index(labels: Sequence[str], source: Path) -> Callable[[str], int]:
    """Return a function from class name to number, which raises ValueError for an unknown name."""
    numbers = {label: number for number, label in enumerate(labels)}
    if not numbers or len(numbers) < len(labels):
        raise AnnotationError(f"{source} has a label twice, or none at all; it should be the official file")

    def index_of(label: str) -> int:
        if label not in numbers:
            raise ValueError(f"the label {label!r} is not in {source.name}")
        return numbers[label]

    return index_of


def _checked_id(name: object) -> str:
    """Return an id that is a number: ids become folder names, so a path in one would be dangerous."""
    if not isinstance(name, str) or not name.isdecimal():
        raise ValueError(f"the id {name!r} is not a number")
    return name


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path} cannot be read: {error}") from error


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines that are not empty, each with its position."""
    lines = (line.strip() for line in _text(path).splitlines())
    return ((f"line {number}", line) for number, line in enumerate(lines, start=1) if line)


def _table(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a CSV file with a header, each with its position."""
    reader = csv.DictReader(_text(path).splitlines())
    lacking = [column for column in columns if column not in (reader.fieldnames or ())]
    if lacking:
        raise AnnotationError(f"{path}, line 1: the header lacks {', '.join(lacking)}")
    for row in reader:
        position = f"line {reader.line_num}"
        if not all(row[column] for column in columns):
            raise AnnotationError(f"{path}, {position}: it should have a value for each of {', '.join(columns)}")
        yield position, row


def _entries(path: Path) -> list[tuple[str, Any]]:
    """Return the entries of a JSON list, each with its position."""
    entries = _json(path)
    if not isinstance(entries, list):
        raise AnnotationError(f"{path} should hold a list of items")
    return [(f"item {number}", entry) for number, entry in enumerate(entries, start=1)]


def _numbered_labels(path: Path) -> tuple[str, ...]:
    """Return the names of a JSON object {name: "number"} in the order of their numbers."""
    numbers = _json(path)
    if not isinstance(numbers, dict) or {str(number) for number in numbers.values()} != set(
        map(str, range(len(numbers)))
    ):
        raise AnnotationError(f"{path} should number its labels from 0 without a gap")
    return tuple(sorted(numbers, key=lambda label: int(numbers[label])))


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise AnnotationError(f"{path}, line {error.lineno}: {error.msg}") from error

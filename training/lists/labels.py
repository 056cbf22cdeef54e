"""The file of a data set's class names, labels.txt."""

from __future__ import annotations

from pathlib import Path

from training.errors import BadInput


class LabelsError(BadInput):
    """The label file is missing, empty, not text or has a label twice; the message names it."""


def read_labels(path: Path) -> tuple[str, ...]:
    """Read the class names, one a line, in the order of the head's rows. Raises LabelsError."""
    try:
        labels = tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").rstrip().splitlines())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise LabelsError(f"{path} cannot be read as labels, one a line: {reason}") from error
    if not all(labels) or not labels:
        raise LabelsError(f"{path} has an empty line or no label at all; it should have one label a line")
    _check_unique(labels, path)
    return labels


def _check_unique(labels: tuple[str, ...], path: Path) -> None:
    line_of: dict[str, int] = {}
    for number, label in enumerate(labels, start=1):
        first = line_of.setdefault(label, number)
        if first != number:
            raise LabelsError(f"{path} has the label {label!r} in lines {first} and {number}; give each class its own")

"""Formats of segment files, chosen by a file's suffix, and the two ways to write one: whole, or as it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from service.inference.segmentation import Segment
from service.segment_files.csv_writer import CsvWriter
from service.segment_files.json_writer import JsonWriter
from service.segment_files.ndjson_writer import NdjsonWriter
from service.segment_files.srt_writer import SrtWriter
from service.store.atomic import replacing


class UnknownFormat(ValueError):
    """No format has this suffix; the message lists those there are."""


class SegmentWriter(Protocol):
    """Writes segments, which come in order of time."""

    def add(self, segment: Segment) -> None:
        """Write a segment."""

    def close(self) -> None:
        """Write what ends the file."""


WRITERS: dict[str, Callable[[TextIO], SegmentWriter]] = {
    "json": JsonWriter,
    "ndjson": NdjsonWriter,
    "srt": SrtWriter,
    "csv": CsvWriter,
}
"""The formats of text, by suffix."""

GROWING = ("ndjson", "srt", "csv")
"""The formats whose files can be read while they grow."""


def format_of(path: Path, formats: tuple[str, ...] = tuple(WRITERS)) -> str:
    """Return the format that the path's suffix names, one of `formats`; raises UnknownFormat for another."""
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in formats:
        names = ", ".join(f".{name}" for name in formats)
        raise UnknownFormat(f"{path} names no format of segments; end its name in one of {names}")
    return suffix


@contextmanager
def whole_file(path: Path) -> Iterator[SegmentWriter]:
    """Write a file of segments aside and put it in place at the end of the block, unless that raises.

        with whole_file(Path("clip.srt")) as writer:
            writer.add(segment)

    Raises UnknownFormat and OSError.
    """
    make_writer = WRITERS[format_of(path)]
    with replacing(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = make_writer(file)
        yield writer
        writer.close()


@contextmanager
def growing_file(path: Path) -> Iterator[SegmentWriter]:
    """Write a new file of segments, each of which is there as soon as it is added, for streams without an end.

        with growing_file(Path("camera.ndjson")) as writer:
            writer.add(segment)

    Raises UnknownFormat for a format that is whole only at its end, FileExistsError, and OSError.
    """
    make_writer = WRITERS[format_of(path, GROWING)]
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = make_writer(file)
        try:
            yield writer
        finally:
            writer.close()

"""Results file: JSON lines, one for each video, written as results come and resumed by the next run.

A line is an answer, as `predict --json` prints it, or `{"file": ..., "error": ...}` for a video that has none. A
failure that may pass has no line, so the video is tried again. A line that was cut off when a run was killed is
removed.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from service.batch.errors import ResultsFileError
from service.batch.request import Options
from service.batch.results.result import Answer, Failed

FIRST_FIELD = b'{"file": '
"""Prefix of every line."""

MAX_LINE_BYTES = 1 << 24
"""Some ten times the longest line, of every class of a large model: so a file of something else is not read whole."""


class ResultsFile:
    """A results file, open for one run; `answered` and `unanswerable` name the videos that need not be tried again.

    with ResultsFile.open(Path("results.jsonl"), options) as results:
        results.add(result)
    """

    def __init__(self, path: Path, name: str, file: io.BufferedRandom) -> None:
        self.answered: set[str] = set()
        self.unanswerable: set[str] = set()
        self._path = path
        self._name = name
        self._file = file

    @classmethod
    @contextmanager
    def open(cls, path: Path, options: Options, name: str | None = None) -> Iterator[ResultsFile]:
        """Create the file or resume it, locked for this process; errors of its content call it `name`, or its path.

        Raises ResultsFileError when it cannot be written, is locked, or holds anything but results of `options`.
        """
        name = name or str(path)
        with _opened(path, name) as file:
            results = cls(path, name, file)
            results._read(options)
            yield results
            with _errors_named(path):
                os.fsync(file.fileno())

    def settles(self, video: str) -> bool:
        """Return True if the video need not be tried again."""
        return video in self.answered or video in self.unanswerable

    def add(self, result: Answer[Any] | Failed) -> None:
        """Write the result's line, if it has one; it is in the file on return. Raises ResultsFileError."""
        line = as_line(result)
        if not line:
            return
        with _errors_named(self._path):
            self._file.write(line)
            self._file.flush()
        self._note(result.file, is_answer=isinstance(result, Answer))

    def _read(self, options: Options) -> None:
        self._file.seek(0)
        for number, line in enumerate(iter(partial(self._file.readline, MAX_LINE_BYTES), b""), start=1):
            if not line.endswith(b"\n") and _is_cut_off(line):
                self._file.truncate(self._file.tell() - len(line))
                break
            file, found = _parse(line, type(options), f"{self._name}, line {number},")
            if found and found != options:
                raise ResultsFileError(f"{self._name} has {found}, not {options}; name another file")
            self._note(file, is_answer=bool(found))
        self._file.seek(0, os.SEEK_END)

    def _note(self, video: str, *, is_answer: bool) -> None:
        (self.answered if is_answer else self.unanswerable).add(video)


def as_line(result: Answer[Any] | Failed) -> bytes:
    """Return the result as a line of JSON in UTF-8; empty for a failure that may pass."""
    match result:
        case Answer():
            return _json_line(fields_of(result))
        case Failed(file, reason, lasts=True):
            return _json_line({"file": file, "error": reason})
    return b""


def fields_of(answer: Answer[Any]) -> dict[str, Any]:
    """Return the fields of an answer's line."""
    return {"file": answer.file, **answer.response.model_dump(exclude_none=True)}


def _json_line(fields: dict[str, Any]) -> bytes:
    # A name that is not UTF-8 has surrogates; the codec escapes them just as JSON does.
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


@contextmanager
def _opened(path: Path, name: str) -> Iterator[io.BufferedRandom]:
    """Open the file, locked for this process."""
    with _errors_named(path):
        file = path.open("a+b")
    try:
        _lock(name, file)
        yield file
    finally:
        with _errors_named(path):
            file.close()  # flushes, and so raises again when the disk is full


def _lock(name: str, file: io.BufferedRandom) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ResultsFileError(f"another run writes to {name}; wait for it or name another file") from None


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResultsFileError(f"cannot write results to {path}: {error.strerror}") from error


def _is_cut_off(line: bytes) -> bool:
    return line.startswith(FIRST_FIELD) or FIRST_FIELD.startswith(line)


def _parse(line: bytes, kind: type[Options], place: str) -> tuple[str, Options | None]:
    """Return the video's name, and the options of its answer; None for an error."""
    try:
        fields = json.loads(line)
        file = str(fields.pop("file"))
        return file, None if "error" in fields else kind.of_answer(fields)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ResultsFileError(f"{place} is not a result of this command; name another file") from None

"""A file of answers that grows while they come, and that the next run goes on with: JSON, a line for each video.

A line is what `predict --json` prints, or `{"file": ..., "error": ...}` for a video that has no answer and never will.
What failed for the moment has no line, so it is tried again. A line that was cut off when a run was killed goes.
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

from service.api.schemas.predict import PredictionResponse
from service.batch.errors import ResultsFileError
from service.batch.request import PredictOptions
from service.batch.results import Answer, Failed, Result

FIRST_FIELD = b'{"file": '
"""What every line begins with."""

MAX_LINE_BYTES = 1 << 20
"""Some twenty times what the most actions take: no file of something else is read into memory whole."""


class ResultsFile:
    """Open for one run. `answered` and `unanswerable` name the videos that need not be tried again."""

    def __init__(self, path: Path, file: io.BufferedRandom) -> None:
        self.answered: set[str] = set()
        self.unanswerable: set[str] = set()
        self._path = path
        self._file = file

    @classmethod
    @contextmanager
    def open(cls, path: Path, options: PredictOptions) -> Iterator[ResultsFile]:
        """Make the file, or go on with it, while nobody else writes to it.

        Raises ResultsFileError when that cannot be, or when it holds anything but answers to `options`.
        """
        with _opened(path) as file:
            answers = cls(path, file)
            answers._read(options)
            yield answers
            with _told_of(path):
                os.fsync(file.fileno())

    def settles(self, video: str) -> bool:
        """Whether it need not be tried again."""
        return video in self.answered or video in self.unanswerable

    def add(self, result: Result) -> None:
        """Write the result's line, if it has one; it is in the file when this returns. Raises ResultsFileError."""
        line = as_line(result)
        if not line:
            return
        with _told_of(self._path):
            self._file.write(line)
            self._file.flush()
        self._note(result.file, is_answer=isinstance(result, Answer))

    def _read(self, options: PredictOptions) -> None:
        self._file.seek(0)
        for number, line in enumerate(iter(partial(self._file.readline, MAX_LINE_BYTES), b""), start=1):
            if not line.endswith(b"\n") and _is_cut_off(line):
                self._file.truncate(self._file.tell() - len(line))
                break
            file, answers = _parse(line, f"{self._path}, line {number},")
            if answers and answers != options:
                have = f"{self._path} has {answers}"
                raise ResultsFileError(f"{have}, while {options} are asked for; name another file")
            self._note(file, is_answer=bool(answers))
        self._file.seek(0, os.SEEK_END)

    def _note(self, video: str, *, is_answer: bool) -> None:
        (self.answered if is_answer else self.unanswerable).add(video)


def as_line(result: Result) -> bytes:
    """JSON in UTF-8 with the end of the line; nothing for what may turn out otherwise the next time."""
    match result:
        case Answer(file, response):
            return _json_line({"file": file, **response.model_dump(exclude_none=True)})
        case Failed(file, reason, lasts=True):
            return _json_line({"file": file, "error": reason})
    return b""


def _json_line(fields: dict[str, Any]) -> bytes:
    # A name that is no UTF-8 has surrogates, for which the codec's escape is also that of JSON.
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedRandom]:
    """For this process alone."""
    with _told_of(path):
        file = path.open("a+b")
    try:
        _lock(path, file)
        yield file
    finally:
        with _told_of(path):
            file.close()  # which tries again to write what the disk had no room for


def _lock(path: Path, file: io.BufferedRandom) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ResultsFileError(f"another run writes to {path}; wait for it, or name another file") from None


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResultsFileError(f"cannot write answers to {path}: {error.strerror}") from error


def _is_cut_off(line: bytes) -> bool:
    return line.startswith(FIRST_FIELD) or FIRST_FIELD.startswith(line)


def _parse(line: bytes, place: str) -> tuple[str, PredictOptions | None]:
    """Whose line it is, and what it answers, if it is an answer."""
    try:
        fields = json.loads(line)
        file = str(fields.pop("file"))
        if "error" in fields:
            return file, None
        return file, _options_of(PredictionResponse.model_validate(fields))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ResultsFileError(f"{place} is no answer of this command; name another file") from None


def _options_of(response: PredictionResponse) -> PredictOptions:
    model, num_actions = response.model, len(response.predictions)
    return PredictOptions(model.name, model.version, num_actions, stability=response.stability is not None)

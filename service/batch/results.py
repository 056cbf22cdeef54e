"""What becomes of one video: an answer, or a reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from clips.decoding.errors import ClipError
from service.api.schemas.predict import PredictionResponse
from service.backends.base import BackendError
from service.decoding.process import DecoderError


@dataclass(frozen=True)
class Answer:
    """`file` is the video's name as it was given."""

    file: str
    response: PredictionResponse


@dataclass(frozen=True)
class Failed:
    """`reason` is one line for the reader; `lasts` when it is the video's own fault, so that it would be told again."""

    file: str
    reason: str
    lasts: bool = False


Result = Answer | Failed


def failure(file: str, error: Exception) -> Failed:
    """What a reader is told of an error that concerns one file; any other error is raised again."""
    match error:
        case ClipError():
            return Failed(file, str(error), lasts=True)
        case IsADirectoryError():
            return Failed(file, "no file in this folder is named as a video, or it may not be read")
        case OSError():
            return Failed(file, error.strerror or str(error))
        case BackendError() | DecoderError():
            return Failed(file, str(error))
    raise error

"""Results of batch prediction: an answer for each video, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from clips.decoding.errors import ClipError, NoSuchPart
from service.api.schemas.predict import PredictionResponse
from service.backends.base import BackendError
from service.decoding.process import DecoderError

Response_co = TypeVar("Response_co", bound=BaseModel, covariant=True)


@dataclass(frozen=True)
class Answer(Generic[Response_co]):
    """An answer about one video: a prediction or a timeline; `file` is the video's name as given."""

    file: str
    response: Response_co


@dataclass(frozen=True)
class Failed:
    """A failure; `reason` is one line, `lasts` is True if the video itself is at fault and would fail again."""

    file: str
    reason: str
    lasts: bool = False


Result = Answer[PredictionResponse] | Failed
"""The result of a prediction."""


def failure(file: str, error: Exception) -> Failed:
    """Return the result for an error that concerns one file; re-raise any other error."""
    match error:
        case NoSuchPart():  # another part of the same video may be there
            return Failed(file, str(error))
        case ClipError():
            return Failed(file, str(error), lasts=True)
        case IsADirectoryError():
            return Failed(file, "the folder has no videos and no numbered frames, or may not be read")
        case OSError():
            return Failed(file, error.strerror or str(error))
        case BackendError() | DecoderError():
            return Failed(file, str(error))
    raise error

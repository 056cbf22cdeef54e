"""Results of batch prediction: an answer for each video, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from clips.decoding.errors import ClipError
from service.api.schemas.predict import PredictionResponse
from service.backends.base import BackendError
from service.decoding.process import DecoderError


@dataclass(frozen=True)
class Answer:
    """A prediction; `file` is the video's name as given."""

    file: str
    response: PredictionResponse


@dataclass(frozen=True)
class Failed:
    """A failure; `reason` is one line, `lasts` is True if the video itself is at fault and would fail again."""

    file: str
    reason: str
    lasts: bool = False


Result = Answer | Failed


def failure(file: str, error: Exception) -> Failed:
    """Return the result for an error that concerns one file; re-raise any other error."""
    match error:
        case ClipError():
            return Failed(file, str(error), lasts=True)
        case IsADirectoryError():
            return Failed(file, "the folder has no videos and no numbered frames, or may not be read")
        case OSError():
            return Failed(file, error.strerror or str(error))
        case BackendError() | DecoderError():
            return Failed(file, str(error))
    raise error

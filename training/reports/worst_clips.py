"""Worst clips: those whose own label got the least probability, as strips of the frames that the network saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.engine.data_source import DataSource
from training.engine.evaluation import ClipScores

STRIP_HEIGHT = 96
JPEG_QUALITY = 80


@dataclass(frozen=True)
class WorstClip:
    """A clip: its name, label and answer with their probabilities, and its strip as a JPEG file."""

    name: str
    label: str
    probability: float
    answer: str
    answer_probability: float
    strip: bytes


def worst_clips(
    scores: ClipScores, class_names: Sequence[str], source: DataSource, epoch: int, count: int
) -> list[WorstClip]:
    """Read the clips whose label is the least probable, the worst first.

    Args:
        scores: Scores of the validation clips.
        class_names: The classes.
        source: The data of the recipe.
        epoch: The epoch whose validation clips were scored.
        count: Number of clips.
    """
    own = np.take_along_axis(scores.probabilities, scores.labels[:, None], axis=1)[:, 0]
    return [_read(scores, int(row), class_names, source, epoch) for row in np.argsort(own, kind="stable")[:count]]


def _read(scores: ClipScores, row: int, class_names: Sequence[str], source: DataSource, epoch: int) -> WorstClip:
    probabilities, label = scores.probabilities[row], int(scores.labels[row])
    answer = int(probabilities.argmax())
    name, views = source.validation_clip(epoch, int(scores.indices[row]))
    return WorstClip(
        name=name,
        label=class_names[label],
        probability=float(probabilities[label]),
        answer=class_names[answer],
        answer_probability=float(probabilities[answer]),
        strip=strip_of(views[0]),
    )


def strip_of(frames: NDArray[np.uint8]) -> bytes:
    """Lay frames uint8 [T, H, W, 3], RGB, side by side, STRIP_HEIGHT pixels high, in a JPEG file."""
    scale = STRIP_HEIGHT / frames.shape[1]
    small = [cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for frame in frames]
    strip = cv2.cvtColor(np.hstack(small), cv2.COLOR_RGB2BGR)
    _, file = cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return file.tobytes()

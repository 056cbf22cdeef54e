"""What the doctor's clips become, recorded where models are trained; serving must arrive at the same on any machine.

`doctor_clips/` holds a clip for each codec and `record.json`. `tests.helpers.recording.record_doctor` makes both.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from clips.clip_spec import ClipSpec
from service.store.manifest import Sha256

FOLDER = Path(__file__).parent / "clips"
RECORD_FILE = "record.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GoldenArray(_Record):
    """An array's digest, and every so many-th of its numbers, to tell how far another one is off."""

    shape: tuple[int, ...]
    dtype: str
    sha256: Sha256
    every: int
    numbers: list[float]

    @classmethod
    def of(cls, array: NDArray[Any], every: int) -> Self:
        """Record an array of any shape."""
        return cls(
            shape=array.shape,
            dtype=str(array.dtype),
            sha256=_digest(array),
            every=every,
            numbers=_numbers(array, every),
        )

    def difference(self, array: NDArray[Any]) -> float:
        """The largest seen: 0 only for the recorded array to the bit, infinite for one of another shape."""
        if (array.shape, str(array.dtype)) != (self.shape, self.dtype):
            return float("inf")
        if _digest(array) == self.sha256:
            return 0.0
        seen = np.abs(np.subtract(_numbers(array, self.every), self.numbers)).max()
        return float(max(seen, np.finfo(np.float32).tiny))


class GoldenClip(_Record):
    """A made clip of one codec: how many frames it has, and those of them that a model would see, as RGB."""

    codec: str
    file: str
    num_frames: int
    frames: GoldenArray


class GoldenStages(_Record):
    """One of the clips on its way through training's code to a checkpoint's answer.

    `frames` are uint8 [T, H, W, 3], `views` uint8 [V, T, crop, crop, 3], `normalised` float32 [V, T, 3, crop, crop];
    the checkpoint gave `logits` [K] in torch, and `label` is its likeliest.
    """

    file: str
    spec: ClipSpec
    indices: tuple[int, ...]
    frames: GoldenArray
    views: GoldenArray
    normalised: GoldenArray
    checkpoint_sha256: Sha256
    logits: list[float]
    label: str


class GoldenRecord(_Record):
    """Everything that is recorded."""

    clips: tuple[GoldenClip, ...]
    stages: GoldenStages


def load_golden() -> GoldenRecord:
    """The record of the clips in FOLDER."""
    return GoldenRecord.model_validate_json((FOLDER / RECORD_FILE).read_bytes())


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _numbers(array: NDArray[Any], every: int) -> list[float]:
    return [float(number) for number in array.ravel()[::every]]

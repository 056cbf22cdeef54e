"""Golden values: results of the training code for the doctor's clips, which serving must reproduce on any machine.

`clips/` holds a clip of each codec and `record.json`; `tests.helpers.recording.record_doctor` makes both.
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


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GoldenArray(_Frozen):
    """Digest of an array, and each `every`-th of its numbers, which measure how far another array is off."""

    shape: tuple[int, ...]
    dtype: str
    sha256: Sha256
    every: int
    numbers: list[float]

    @classmethod
    def of(cls, array: NDArray[Any], every: int) -> Self:
        """Record an array of any shape and dtype."""
        return cls(
            shape=array.shape,
            dtype=str(array.dtype),
            sha256=_sha256_of(array),
            every=every,
            numbers=_numbers(array, every),
        )

    def difference(self, array: NDArray[Any]) -> float:
        """Return the largest absolute difference of the recorded numbers.

        0 only for an array that is equal to the bit; infinite for one of another shape or dtype.
        """
        if (array.shape, str(array.dtype)) != (self.shape, self.dtype):
            return float("inf")
        if _sha256_of(array) == self.sha256:
            return 0.0
        seen = np.abs(np.subtract(_numbers(array, self.every), self.numbers)).max()
        return float(max(seen, np.finfo(np.float32).tiny))


class GoldenClip(_Frozen):
    """A clip of one codec: its number of frames, and the sampled ones as RGB."""

    codec: str
    file: str
    num_frames: int
    frames: GoldenArray


class GoldenStages(_Frozen):
    """One of the clips after each stage of the training code, up to a checkpoint's answer.

    `frames` are uint8 [T, H, W, 3], `views` uint8 [V, T, crop, crop, 3], `normalised` float32 [V, T, 3, crop, crop];
    `logits` [K] are the checkpoint's in torch, and `label` is its top-1.
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


class GoldenRecord(_Frozen):
    """All golden values: the contents of `record.json`."""

    clips: tuple[GoldenClip, ...]
    stages: GoldenStages


def load_golden() -> GoldenRecord:
    """Read the golden values of the clips in FOLDER."""
    return GoldenRecord.model_validate_json((FOLDER / RECORD_FILE).read_bytes())


def _sha256_of(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _numbers(array: NDArray[Any], every: int) -> list[float]:
    return [float(number) for number in array.ravel()[::every]]

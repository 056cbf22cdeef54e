"""The clips of several videos in one call of a backend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.backends.base import Backend, Clips, Outputs


def infer_together(backend: Backend, clips: Sequence[Clips]) -> list[Outputs]:
    """What `backend.infer` makes of each of several uint8 clips [N, T, H, W, 3] of one shape but for N."""
    outputs = backend.infer(np.concatenate(clips))
    ends = np.cumsum([len(each) for each in clips])[:-1]
    split = (np.split(array, ends) for array in (outputs.logits, outputs.offsets, outputs.weights))
    return [Outputs(*parts) for parts in zip(*split, strict=True)]

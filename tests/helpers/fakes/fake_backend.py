"""A backend without a model, for tests."""

from __future__ import annotations

import numpy as np

from clips.clip_spec import ClipSpec
from service.backends.base import Backend, Clips, DeviceLost, Outputs
from service.models.versions import LoadedModel


class FakeBackend:
    """Answers without a model: the logit of class k is the mean of the clip's pixel values minus k.

    The feature k is half of that. Without blocks it has no offsets and weights, as networks that do not interlace.
    """

    max_batch_size = 4

    def __init__(self, num_classes: int, num_blocks: int = 1) -> None:
        self._num_classes = num_classes
        self._num_blocks = num_blocks
        self.closed = False

    def infer(self, clips: Clips) -> Outputs:
        """Return deterministic outputs for each clip."""
        num_clips, num_frames = clips.shape[:2]
        brightness = clips.reshape(num_clips, -1).mean(axis=1, dtype=np.float32)
        logits = brightness[:, None] - np.arange(self._num_classes, dtype=np.float32)
        if not self._num_blocks:
            return Outputs(logits, logits / 2)
        offsets = np.zeros((num_clips, self._num_blocks, 2), np.float32)
        weights = np.ones((num_clips, self._num_blocks, num_frames, 2), np.float32)
        return Outputs(logits, logits / 2, offsets, weights)

    def close(self) -> None:
        """Set `closed`."""
        self.closed = True


class FakeGpuBackend(FakeBackend):
    """One of two classes, on a GPU by its number, that is lost when `is_lost` is set."""

    def __init__(self, gpu: int) -> None:
        super().__init__(num_classes=2)
        self.device = f"cuda:{gpu}"
        self.is_lost = False

    def check_up(self) -> None:
        """Raise DeviceLost when it is lost."""
        if self.is_lost:
            raise DeviceLost(f"{self.device} runs nothing any more", 30)


def loaded(backend: Backend, name: str = "fake", version: str = "1") -> LoadedModel:
    """Return a model of two labels that the backend runs."""
    return LoadedModel(name, version, "0" * 64, "model.onnx", "made up", ("a", "b"), ClipSpec(), backend)

"""Colour jitter: brightness, contrast and tint of a training clip, changed at random and alike in all its frames."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ColourJitter:
    """Random factors within 1 - strength and 1 + strength on contrast and brightness, and half as far on each channel.

    Strength 0 changes nothing.
    """

    strength: float

    def apply(self, clip: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a clip uint8 [T, H, W, 3] in other colours, in the same frames and shapes."""
        if not self.strength:
            return clip
        contrast, brightness = 1 + rng.uniform(-self.strength, self.strength, 2)
        tint = 1 + rng.uniform(-self.strength / 2, self.strength / 2, 3)
        table = _table(float(clip.mean()), contrast, brightness * tint)
        rows = clip.reshape(-1, clip.shape[2], 3)
        return np.asarray(cv2.LUT(rows, table), np.uint8).reshape(clip.shape)


NO_JITTER = ColourJitter(0.0)
"""Jitter that changes nothing."""


def _table(mean: float, contrast: float, gains: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the new value of each old one by channel, uint8 [1, 256, 3]; contrast is stretched about the mean."""
    stretched = (np.arange(256)[:, None] - mean) * contrast + mean
    return np.clip(np.rint(stretched * gains), 0, 255).astype(np.uint8)[None]

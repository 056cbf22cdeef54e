"""Augmentation of a training clip: a multi-scale crop, a random flip, other colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clips.decoding.frames import Image
from clips.transforms import resize, resize_short_side
from training.data.augmentation.colour import NO_JITTER, ColourJitter
from training.data.augmentation.multi_scale_crop import MultiScaleCrop


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Resizing, random crop, horizontal flip and colours of a clip; `flip` is the probability of the flip."""

    short_side: int
    crop: MultiScaleCrop
    flip: float
    squeeze: bool = False
    """Resize to a square of `short_side`, without keeping the aspect ratio: crops then look as `View.SQUEEZE` does."""
    colour: ColourJitter = NO_JITTER

    def apply(self, frames: Sequence[Image], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Map T frames of one size to uint8 [T, crop, crop, 3]; all frames get the same crop, flip and colours."""
        scaled = [self.resize(frame) for frame in frames]
        height, width = scaled[0].shape[:2]
        box = self.crop.draw(width, height, rng)
        side = self.crop.crop
        clip = np.stack([resize(box.cut(frame), width=side, height=side) for frame in scaled])
        flipped = np.ascontiguousarray(clip[:, :, ::-1]) if rng.random() < self.flip else clip
        return self.colour.apply(flipped, rng)

    def resize(self, frame: Image) -> Image:
        """Resize a frame to the size that crops are cut from."""
        if self.squeeze:
            return resize(frame, width=self.short_side, height=self.short_side)
        return resize_short_side(frame, self.short_side)

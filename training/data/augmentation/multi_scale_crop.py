"""Multi-scale crop: a random size at one of several fixed positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from clips.decoding.frames import Image

POSITIONS = (
    *((0, 0), (4, 0), (0, 4), (4, 4), (2, 2)),
    *((0, 2), (4, 2), (2, 4), (2, 0)),
    *((1, 1), (3, 1), (1, 3), (3, 3)),
)
"""Positions of a crop, x and y in quarters of the margin: corners and centre; edges; between those.

MMAction2 takes the first five or all, in this order.
"""

SNAP = 2
"""A side within so many pixels of the network's input is made equal to it, which saves the resizing."""


class Box(NamedTuple):
    """A rectangle in an image, in pixels."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, image: Image) -> Image:
        """Return this part of an image, as a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass(frozen=True, kw_only=True)
class MultiScaleCrop:
    """Random crops whose width and height are each the image's short side times one of `scales`.

    Only neighbours in `scales` are combined. MMAction2: `MultiScaleCrop(crop, scales, max_wh_scale_gap=1,
    random_crop=False, num_fixed_crops)`; from "Towards Good Practices for Very Deep Two-Stream ConvNets", section 3.
    """

    crop: int
    """Side of the network's input, to which every crop is resized."""
    scales: tuple[float, ...]
    num_fixed_crops: int = 5

    def __post_init__(self) -> None:
        if self.num_fixed_crops not in {5, len(POSITIONS)}:
            raise ValueError(f"num_fixed_crops must be 5 or {len(POSITIONS)}, not {self.num_fixed_crops}")
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise ValueError(f"scales must lie above 0 and at most at 1, not {self.scales}")

    def draw(self, width: int, height: int, rng: np.random.Generator) -> Box:
        """Draw one of the sizes and one of the positions, with equal probabilities."""
        sizes = self.sizes(min(width, height))
        size = sizes[rng.integers(len(sizes))]
        boxes = self.boxes(width, height, size)
        return boxes[rng.integers(len(boxes))]

    def sizes(self, short_side: int) -> list[tuple[int, int]]:
        """List the possible sizes (width, height) of a crop."""
        sides = [self._snapped(int(short_side * scale), short_side) for scale in self.scales]
        count = range(len(sides))
        return [(sides[j], sides[i]) for i in count for j in count if abs(i - j) <= 1]

    def boxes(self, width: int, height: int, size: tuple[int, int]) -> list[Box]:
        """List the possible crops of a size; integer steps may leave the last a few pixels short of the border."""
        step_x, step_y = (width - size[0]) // 4, (height - size[1]) // 4
        return [Box(x * step_x, y * step_y, *size) for x, y in POSITIONS[: self.num_fixed_crops]]

    def _snapped(self, side: int, short_side: int) -> int:
        return self.crop if abs(side - self.crop) <= SNAP and self.crop <= short_side else side

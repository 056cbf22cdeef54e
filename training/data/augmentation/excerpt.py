"""Excerpts: a random part of a training clip, so that an action may start early or late and be fast or slow."""

from __future__ import annotations

import numpy as np


def draw_excerpt(num_frames: int, shortest: float, rng: np.random.Generator) -> tuple[int, int]:
    """Draw the first frame and the number of frames of an excerpt.

        draw_excerpt(100, 0.6, rng)    # such as (12, 71)

    Args:
        num_frames: Frames of the clip.
        shortest: Smallest share of the clip, above 0 and at most 1; 1 takes the whole clip and draws nothing.
        rng: Source of randomness.
    """
    if shortest == 1:
        return 0, num_frames
    length = max(1, round(num_frames * rng.uniform(shortest, 1)))
    return int(rng.integers(num_frames - length + 1)), length

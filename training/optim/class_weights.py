"""Class weights: factors on the loss of each clip, so that rare classes count as much as frequent ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def balanced_weights(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return weights float32 [K], inversely proportional to the numbers of clips [K] of K classes.

    Their mean over all clips is 1, so that learning rates keep their meaning. scikit-learn: `class_weight="balanced"`,
    where classes without clips are not counted.
    """
    weights: NDArray[np.float64] = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return weights.astype(np.float32)

"""What data sets give, one by one and in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.readers import UnreadableItem

NO_LABEL = -1
"""The label of a clip that shows no action: its frames are in random order, or could not be read at all."""


class Example(NamedTuple):
    """A clip and its label."""

    clip: NDArray[np.uint8]
    """[T, H, W, 3] for training, [V, T, H, W, 3] for evaluation."""
    label: int
    unreadable: tuple[UnreadableItem, ...] = ()
    """Items that should have been here and could not be read."""


class Batch(NamedTuple):
    """Examples, stacked."""

    clips: Tensor
    """uint8 [N, T, H, W, 3] for training, [N, V, T, H, W, 3] for evaluation."""
    labels: Tensor
    """int64 [N], NO_LABEL among them."""
    unreadable: tuple[UnreadableItem, ...] = ()

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Batch:
        """Stack examples of one shape."""
        return cls(
            torch.from_numpy(np.stack([example.clip for example in examples])),
            torch.tensor([example.label for example in examples]),
            tuple(error for example in examples for error in example.unreadable),
        )

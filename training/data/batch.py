"""Training and evaluation examples, single and in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.readers import UnreadableItem

NO_LABEL = -1
"""Label of a clip without an action: its frames are in random order, or could not be read."""


class Example(NamedTuple):
    """A clip and its label."""

    clip: NDArray[np.uint8]
    """[T, H, W, 3] for training, [V, T, H, W, 3] for evaluation."""
    label: int
    unreadable: tuple[UnreadableItem, ...] = ()
    """Items that could not be read and were replaced by this one."""


class Batch(NamedTuple):
    """Stacked examples."""

    clips: Tensor
    """uint8 [N, T, H, W, 3] for training, [N, V, T, H, W, 3] for evaluation."""
    labels: Tensor
    """int64 [N], each a class or NO_LABEL."""
    unreadable: tuple[UnreadableItem, ...] = ()

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Batch:
        """Stack examples of the same shape; the collate function of the data loaders."""
        return cls(
            torch.from_numpy(np.stack([example.clip for example in examples])),
            torch.tensor([example.label for example in examples]),
            tuple(error for example in examples for error in example.unreadable),
        )

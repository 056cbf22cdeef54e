"""Controls: the same videos with their frames shuffled and reversed, scored in the same pass as the frames in order.

A network that needs no order answers all three alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.data.batch import Batch
from training.engine.distributed import Processes
from training.engine.evaluation import ClipScores

NUM_ORDERS = 3
"""Orders of the frames that the network sees: as sampled, shuffled, reversed."""
SHUFFLE_SEED = 20


def with_controls(batches: Iterable[Batch], processes: Processes) -> Iterator[Batch]:
    """Yield batches whose views uint8 [N, V, T, H, W, 3] are followed by the shuffled and the reversed ones.

    Their clips are [N, 3V, T, H, W, 3].

    The order of each shuffled clip depends on a seed and the batch's place in the whole validation set, not on the
    number of processes.
    """
    for turn, batch in enumerate(batches):
        number = processes.rank + turn * processes.world_size
        rng = np.random.default_rng((SHUFFLE_SEED, number))
        shuffled = torch.stack([_shuffle(views, rng) for views in batch.clips])
        yield batch._replace(clips=torch.cat([batch.clips, shuffled, batch.clips.flip(2)], dim=1))


@dataclass(frozen=True)
class Controls:
    """Scores of the same clips with their frames as sampled, shuffled and reversed."""

    sampled: ClipScores
    shuffled: ClipScores
    reversed: ClipScores

    @classmethod
    def of(cls, scores: ClipScores) -> Controls:
        """Separate the scores of `with_controls`, whose logits are [N, 3V, K]."""
        return cls(*(scores.with_logits(logits) for logits in np.split(scores.logits, NUM_ORDERS, axis=1)))

    def with_temperature(self, temperature: float) -> Controls:
        """Return the controls with probabilities of another temperature."""
        orders = (self.sampled, self.shuffled, self.reversed)
        return Controls(*(scores.with_temperature(temperature) for scores in orders))


def _shuffle(views: Tensor, rng: np.random.Generator) -> Tensor:
    """Put the frames of a clip's views [V, T, ...] into one random order."""
    return views[:, torch.from_numpy(rng.permutation(views.shape[1]))]

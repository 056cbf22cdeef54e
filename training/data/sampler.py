"""Sampling order of examples, computed from the seed by each process on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import Sampler

Key = tuple[int, int]
"""An epoch and an item's index, which with the seed decide a training example."""


def epoch_order(num_items: int, *, epoch: int, seed: int, rank: int = 0, world_size: int = 1) -> list[Key]:
    """Return one process's share of a shuffled epoch, padded by repeated items so that all shares are equally long.

    The k-th batches of all processes together are the k-th batch of one process with the same total batch size.
    torch: `DistributedSampler`.

    Args:
        num_items: Length of the data set.
        epoch: Number of the epoch.
        seed: Seed of the run.
        rank: This process.
        world_size: Number of processes.
    """
    shuffled = np.random.default_rng((seed, epoch)).permutation(num_items)
    share = -(-num_items // world_size)
    padded = np.resize(shuffled, share * world_size)
    return [(epoch, index) for index in padded[rank::world_size].tolist()]


def evaluation_order(num_items: int, *, batch_size: int, rank: int = 0, world_size: int = 1) -> list[list[int]]:
    """Return one process's batches of indices, dealt in turn: each batch is the same for any number of processes.

    Args:
        num_items: Length of the data set.
        batch_size: Items in a batch; the last may be smaller.
        rank: This process.
        world_size: Number of processes.
    """
    starts = range(rank * batch_size, num_items, world_size * batch_size)
    return [list(range(start, min(start + batch_size, num_items))) for start in starts]


class EpochSampler(Sampler[list[Key]]):
    """Batch sampler whose next pass yields the keys of the epoch in its attribute `epoch`."""

    def __init__(self, order: Callable[[int], list[Key]], batch_size: int) -> None:
        self.epoch = 0
        self._order = order
        self._batch_size = batch_size

    def __iter__(self) -> Iterator[list[Key]]:
        keys = self._order(self.epoch)
        starts = range(0, len(keys), self._batch_size)
        return (keys[start : start + self._batch_size] for start in starts)

"""Which examples come when, in every process of a run: all from the seed, so that each process can tell by itself."""

from __future__ import annotations

import numpy as np

Key = tuple[int, int]
"""An epoch and an item's index: they decide a training example."""


def epoch_order(num_items: int, *, epoch: int, seed: int, rank: int = 0, world_size: int = 1) -> list[Key]:
    """One process's share of a shuffled epoch; all shares are equally long, for which a few items may come twice.

    The k-th batches of all processes together are the k-th batch of one process that takes as many examples at once
    as they do together. torch: `DistributedSampler`.
    """
    shuffled = np.random.default_rng((seed, epoch)).permutation(num_items)
    share = -(-num_items // world_size)
    padded = np.resize(shuffled, share * world_size)
    return [(epoch, index) for index in padded[rank::world_size].tolist()]


def evaluation_order(num_items: int, *, batch_size: int, rank: int = 0, world_size: int = 1) -> list[list[int]]:
    """One process's batches of indices: whole batches in turn, so that each is the same for any number of processes."""
    starts = range(rank * batch_size, num_items, world_size * batch_size)
    return [list(range(start, min(start + batch_size, num_items))) for start in starts]

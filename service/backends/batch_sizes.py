"""Fixed batch sizes: a GPU backend runs a few sizes that it has recorded, and pads or splits what comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from service.backends.base import Clips

BATCH_SIZES = (1, 2, 4, 8, 16)


def split_batch(num_clips: int, sizes: Sequence[int] = BATCH_SIZES) -> list[tuple[int, int]]:
    """Spread clips over fixed batch sizes, in ascending order: (number of clips, size of the batch) of each run.

    A batch is padded when that at most doubles the clips; else the clips are split.

        split_batch(3, [1, 4, 16])     # [(3, 4)]
        split_batch(5, [1, 4, 16])     # [(4, 4), (1, 1)]
        split_batch(40, [1, 4, 16])    # [(16, 16), (16, 16), (8, 16)]
    """
    parts = []
    while num_clips:
        above = [size for size in sizes if num_clips <= size <= 2 * num_clips]
        below = [size for size in sizes if size <= num_clips]
        size = min(above) if above else max(below, default=min(sizes))
        parts.append((min(size, num_clips), size))
        num_clips -= parts[-1][0]
    return parts


def batches_of(clips: Clips, sizes: Sequence[int] = BATCH_SIZES) -> Iterator[tuple[Clips, int]]:
    """Yield the clips of each run in order, and the size of its batch, as `split_batch` spreads them."""
    start = 0
    for count, size in split_batch(len(clips), sizes):
        yield clips[start : start + count], size
        start += count


def pad(clips: Clips, size: int) -> Clips:
    """Return the clips in one block of memory, with black ones behind them up to the batch size."""
    if len(clips) == size:
        return np.ascontiguousarray(clips)
    padded = np.zeros((size, *clips.shape[1:]), np.uint8)
    padded[: len(clips)] = clips
    return padded

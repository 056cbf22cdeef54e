"""Where clips come from: rendered without end for training, read from video files for evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from clips.decode import decode
from clips.sampling import evaluation_indices
from clips.spec import ClipSpec
from clips.transform import make_views
from training.synthetic import Studio

Example = tuple[NDArray[np.uint8], int]


NO_LABEL = -1
"""The label of a clip that shows no action, as its frames are in random order."""

STOCK_SIZE = 512
"""So many rendered clips are kept for showing once more: enough that no batch is likely to hold both of a pair."""

MIRRORED_PAIRS = ((0, 3, 7), (1, 3))
"""Pairs of labels whose two change places when the picture is mirrored left to right, and upside down."""


class SyntheticClips(IterableDataset[Example]):
    """Endless examples: uint8 clips [T, H, W, 3] and their labels. Each worker has a studio of its own.

    Rendering is dear, so each clip is followed by an earlier one that is reversed or mirrored, its label with it.
    `shuffled_share` of all examples have their frames in random order and NO_LABEL.
    """

    def __init__(
        self, spec: ClipSpec, *, difficulty: float, seed: tuple[int, ...], shuffled_share: float = 0.0
    ) -> None:
        self._spec = spec
        self._difficulty = difficulty
        self._seed = seed
        self._shuffled_share = shuffled_share

    def __iter__(self) -> Iterator[Example]:
        cv2.setNumThreads(0)
        worker = get_worker_info()
        studio = Studio((*self._seed, worker.id if worker else 0))
        stock: list[Example] = []
        while True:
            example = studio.draw_example(self._spec, self._difficulty)
            yield self._perhaps_shuffled(example, studio.rng)
            if len(stock) == STOCK_SIZE:
                slot = int(studio.rng.integers(STOCK_SIZE))
                yield self._perhaps_shuffled(seen_otherwise(stock[slot], studio.rng), studio.rng)
                stock[slot] = example
            else:
                stock.append(example)

    def _perhaps_shuffled(self, example: Example, rng: np.random.Generator) -> Example:
        clip, label = example
        if rng.random() < self._shuffled_share:
            return clip[rng.permutation(len(clip))], NO_LABEL
        return clip, label


def seen_otherwise(example: Example, rng: np.random.Generator) -> Example:
    """A clip reversed in time, mirrored or both, with the label that this makes right."""
    clip, label = example
    reverse, flip_x, flip_y = rng.random(3) < 0.5
    reverse |= not (flip_x or flip_y)
    for flip, pairs, axis in zip((flip_x, flip_y), MIRRORED_PAIRS, (2, 1), strict=True):
        clip = np.flip(clip, axis) if flip else clip
        label ^= int(flip and label // 2 in pairs)
    return (clip[::-1], label ^ 1) if reverse else (clip, label)


class VideoFiles(Dataset[Example]):
    """Video files for evaluation: an item is exactly the views that the gateway builds for the same file.

    Items are uint8 [V, T, H, W, 3] and a label; reading raises what `clips.decode.decode` raises.
    """

    def __init__(self, videos: Sequence[tuple[Path, int]], spec: ClipSpec) -> None:
        self._videos = videos
        self._spec = spec

    def __len__(self) -> int:
        return len(self._videos)

    def __getitem__(self, index: int) -> Example:
        path, label = self._videos[index]
        clip = decode(path, lambda num_frames: evaluation_indices(num_frames, self._spec.num_frames))
        return make_views(clip.images, self._spec), label


def load_batches(dataset: SyntheticClips, *, batch_size: int, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches: uint8 clips [N, T, H, W, 3] and int64 labels [N]."""
    return iter(DataLoader(dataset, batch_size=batch_size, num_workers=workers, collate_fn=_collate))


def _collate(examples: list[Example]) -> tuple[Tensor, Tensor]:
    clips = torch.from_numpy(np.stack([clip for clip, _ in examples]))
    return clips, torch.tensor([label for _, label in examples])

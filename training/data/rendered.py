"""Data sets of rendered clips: an endless stream for training, and fixed clips for validation."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from clips.clip_spec import ClipSpec
from training.data.batch import NO_LABEL, Batch, Example
from training.synthetic.motions import LABELS
from training.synthetic.studio import Studio

STOCK_SIZE = 512
"""Rendered clips kept for reuse: enough that a batch rarely holds a clip and its own variant."""

NUM_TEXTURES = 48
"""Textures that a studio starts with, which take a second to make; it renews them over time."""

MIRRORED_PAIRS = ((0, 3, 7), (1, 3))
"""Pairs of labels that are swapped by a horizontal flip, and by a vertical flip."""


class SyntheticClips(IterableDataset[Example]):
    """Endless training examples: uint8 clips [T, H, W, 3] and labels. Each worker process has its own studio.

    Rendering is expensive, so each new clip is followed by an earlier one, reversed or mirrored with its label.

    Args:
        spec: Number of frames and size.
        difficulty: Strength of disturbances, from 0 to 1.
        seed: Seed of the stream; the worker's number is added.
        shuffled_share: Share of motions with frames in random order and NO_LABEL.
        gestures_share: Share of examples that are gestures of figures, whose labels follow those of the motions.
    """

    def __init__(
        self,
        spec: ClipSpec,
        *,
        difficulty: float,
        seed: tuple[int, ...],
        shuffled_share: float = 0.0,
        gestures_share: float = 0.0,
    ) -> None:
        self._spec = spec
        self._difficulty = difficulty
        self._seed = seed
        self._shuffled_share = shuffled_share
        self._gestures_share = gestures_share

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        studio = Studio((*self._seed, worker.id if worker else 0), num_textures=NUM_TEXTURES)
        motions = self._motions(studio)
        while True:
            is_gesture = self._gestures_share and studio.rng.random() < self._gestures_share
            yield self._gesture(studio) if is_gesture else next(motions)

    def _gesture(self, studio: Studio) -> Example:
        clip, label = studio.draw_gesture_example(self._spec)
        return Example(clip, len(LABELS) + label)

    def _motions(self, studio: Studio) -> Iterator[Example]:
        stock: list[Example] = []
        while True:
            example = Example(*studio.draw_example(self._spec, self._difficulty))
            yield self._maybe_shuffled(example, studio.rng)
            if len(stock) == STOCK_SIZE:
                slot = int(studio.rng.integers(STOCK_SIZE))
                yield self._maybe_shuffled(reversed_or_mirrored(stock[slot], studio.rng), studio.rng)
                stock[slot] = example
            else:
                stock.append(example)

    def _maybe_shuffled(self, example: Example, rng: np.random.Generator) -> Example:
        if rng.random() < self._shuffled_share:
            return Example(example.clip[rng.permutation(len(example.clip))], NO_LABEL)
        return example


class SyntheticViews(Dataset[Batch]):
    """Validation batches, views uint8 [N, 1, T, H, W, 3] at full difficulty, decided by seed and index alone.

    Args:
        spec: Number of frames and size.
        num_clips: Clips of all batches together.
        batch_size: Clips in a batch; the last may be smaller.
        seed: Seed of the clips.
    """

    def __init__(self, spec: ClipSpec, *, num_clips: int, batch_size: int, seed: tuple[int, ...]) -> None:
        self._spec = spec
        self._num_clips = num_clips
        self._batch_size = batch_size
        self._seed = seed

    def __len__(self) -> int:
        return math.ceil(self._num_clips / self._batch_size)

    def __getitem__(self, index: int) -> Batch:
        studio = Studio((*self._seed, index), num_textures=NUM_TEXTURES)
        count = min(self._batch_size, self._num_clips - index * self._batch_size)
        drawn = [studio.draw_example(self._spec, difficulty=1.0) for _ in range(count)]
        return Batch.of([Example(clip[None], label) for clip, label in drawn])


def reversed_or_mirrored(example: Example, rng: np.random.Generator) -> Example:
    """Return a clip reversed in time, mirrored or both, with the label changed accordingly."""
    clip, label = example.clip, example.label
    reverse, flip_x, flip_y = rng.random(3) < 0.5
    reverse |= not (flip_x or flip_y)
    for flip, pairs, axis in zip((flip_x, flip_y), MIRRORED_PAIRS, (2, 1), strict=True):
        clip = np.flip(clip, axis) if flip else clip
        label ^= int(flip and label // 2 in pairs)
    return Example(clip[::-1], label ^ 1) if reverse else Example(clip, label)

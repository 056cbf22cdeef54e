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


class SyntheticClips(IterableDataset[Example]):
    """Endless examples: uint8 clips [T, H, W, 3] and their labels. Each worker has a studio of its own."""

    def __init__(self, spec: ClipSpec, *, difficulty: float, seed: tuple[int, ...]) -> None:
        self._spec = spec
        self._difficulty = difficulty
        self._seed = seed

    def __iter__(self) -> Iterator[Example]:
        cv2.setNumThreads(0)
        worker = get_worker_info()
        studio = Studio((*self._seed, worker.id if worker else 0))
        while True:
            yield studio.draw_example(self._spec, self._difficulty)


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
    return iter(DataLoader(dataset, batch_size=batch_size, num_workers=workers, collate_fn=_collate, prefetch_factor=4))


def _collate(examples: list[Example]) -> tuple[Tensor, Tensor]:
    clips = torch.from_numpy(np.stack([clip for clip, _ in examples]))
    return clips, torch.tensor([label for _, label in examples])

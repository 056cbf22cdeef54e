"""Data sets of listed items: augmented for training, and for evaluation as the gateway sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from clips.clip_spec import ClipSpec
from clips.sampling import evaluation_indices, training_indices
from clips.transforms import make_views
from training.data.augment import Augmentation
from training.data.batch import NO_LABEL, Example
from training.data.readers import ItemReader, UnreadableItem
from training.data.sampler import Key
from training.lists.item_list import ListItem


class ListedClips(Dataset[Example]):
    """Training examples: uint8 clips [T, crop, crop, 3]. The seed and an example's key decide it, nothing else.

    An item that cannot be read is replaced by a random one, and its error comes along. Where more than
    `max_unreadable` have failed the clip is black, without label: whoever counts the errors then ends the run.
    """

    def __init__(
        self,
        items: Sequence[ListItem],
        reader: ItemReader,
        augmentation: Augmentation,
        *,
        num_frames: int,
        seed: int,
        max_unreadable: int,
    ) -> None:
        self.seed = seed
        self.max_unreadable = _never_all(items, max_unreadable)
        self._items = items
        self._reader = reader
        self._augmentation = augmentation
        self._num_frames = num_frames

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, key: Key) -> Example:
        rng = self._generator(key)
        errors: dict[Path, UnreadableItem] = {}
        for item in self._candidates(key, rng):
            try:
                return Example(self._read(item, rng), item.label, tuple(errors.values()))
            except UnreadableItem as error:
                errors[error.path] = error
                if len(errors) > self.max_unreadable:
                    break
        side = self._augmentation.crop.crop
        return Example(_black(self._num_frames, side), NO_LABEL, tuple(errors.values()))

    def _generator(self, key: Key) -> np.random.Generator:
        epoch, index = key
        # Without the spawn key, index 0 would draw the very numbers that shuffle the epoch.
        return np.random.default_rng(np.random.SeedSequence((self.seed, epoch), spawn_key=(index,)))

    def _candidates(self, key: Key, rng: np.random.Generator) -> Iterator[ListItem]:
        """The item itself, then all in random order."""
        yield self._items[key[1]]
        yield from (self._items[index] for index in rng.permutation(len(self._items)))

    def _read(self, item: ListItem, rng: np.random.Generator) -> NDArray[np.uint8]:
        frames = self._reader.read(item, lambda num_frames: training_indices(num_frames, self._num_frames, rng))
        return self._augmentation.apply(frames, rng)


class ListedViews(Dataset[Example]):
    """Evaluation examples: uint8 [V, T, crop, crop, 3], exactly the views that the gateway builds for the same file.

    An item that cannot be read is black and has NO_LABEL, and its error comes along.
    """

    def __init__(self, items: Sequence[ListItem], reader: ItemReader, spec: ClipSpec, *, max_unreadable: int) -> None:
        self.max_unreadable = _never_all(items, max_unreadable)
        self._items = items
        self._reader = reader
        self._spec = spec

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Example:
        item = self._items[index]
        try:
            return Example(read_views(item, self._reader, self._spec), item.label)
        except UnreadableItem as error:
            spec = self._spec
            return Example(_black(spec.num_views, spec.num_frames, spec.crop), NO_LABEL, (error,))


def read_views(item: ListItem, reader: ItemReader, spec: ClipSpec) -> NDArray[np.uint8]:
    """An item's views, uint8 [V, T, crop, crop, 3]; raises UnreadableItem."""
    frames = reader.read(item, lambda num_frames: evaluation_indices(num_frames, spec.num_frames))
    return make_views(frames, spec)


def _never_all(items: Sequence[ListItem], max_unreadable: int) -> int:
    """The limit, lowered so that it is passed when nothing at all can be read."""
    return min(max_unreadable, len({item.path for item in items}) - 1)


def _black(*shape: int) -> NDArray[np.uint8]:
    """Pictures with that many views, frames and pixels to a side."""
    return np.zeros((*shape, shape[-1], 3), np.uint8)

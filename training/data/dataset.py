"""Data sets of listed items: augmented clips for training, and the gateway's views for evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from clips.clip_spec import ClipSpec
from clips.sampling import evaluation_indices, training_indices
from clips.transforms import make_views
from training.data.augmentation.augmentation import Augmentation
from training.data.augmentation.excerpt import draw_excerpt
from training.data.batch import NO_LABEL, Example
from training.data.frame_store import FrameStore
from training.data.readers import ItemReader, UnreadableItem
from training.data.sampler import Key
from training.lists.item_list import ListItem


class ListedClips(Dataset[Example]):
    """Training examples: uint8 clips [T, crop, crop, 3], decided by the seed and the example's key alone.

    An item that cannot be read is replaced by a random one, and its error is returned with it. After more than
    `max_unreadable` failures the clip is black and has NO_LABEL; `UnreadableTally` then ends the run.

    Args:
        items: The items of a list.
        reader: Reads an item's frames.
        augmentation: Crop and flip.
        num_frames: T, frames of a clip.
        seed: Seed of frame sampling and augmentation.
        max_unreadable: Limit of unreadable items.
        shortest_excerpt: Smallest share of an item that frames are sampled from; 1 for all of it.
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
        shortest_excerpt: float = 1.0,
    ) -> None:
        self.seed = seed
        self.max_unreadable = _never_all(items, max_unreadable)
        self._items = items
        self._reader = reader
        self._augmentation = augmentation
        self._num_frames = num_frames
        self._shortest_excerpt = shortest_excerpt

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
        # Without the spawn key, index 0 would get the random stream that shuffles the epoch.
        return np.random.default_rng(np.random.SeedSequence((self.seed, epoch), spawn_key=(index,)))

    def _candidates(self, key: Key, rng: np.random.Generator) -> Iterator[ListItem]:
        """Yield the item itself, then all items in random order."""
        yield self._items[key[1]]
        yield from (self._items[index] for index in rng.permutation(len(self._items)))

    def _read(self, item: ListItem, rng: np.random.Generator) -> NDArray[np.uint8]:
        frames = self._reader.read(item, RandomFrames(rng, self._num_frames, self._shortest_excerpt))
        return self._augmentation.apply(frames, rng)


class RandomFrames:
    """Picks one random frame of each segment of an excerpt: equal numbers of frames give equal frames, asked again too.

    Videos whose number of frames is uncertain are picked from several times. The generator moves on as for the first.

    Args:
        rng: The generator.
        num_segments: Frames to pick.
        shortest_excerpt: Smallest share of the clip that they are picked from.
    """

    def __init__(self, rng: np.random.Generator, num_segments: int, shortest_excerpt: float = 1.0) -> None:
        self._rng = rng
        self._num_segments = num_segments
        self._shortest_excerpt = shortest_excerpt
        self._before = rng.bit_generator.state
        self._after: Mapping[str, Any] | None = None

    def __call__(self, num_frames: int) -> list[int]:
        self._rng.bit_generator.state = self._before
        first, length = draw_excerpt(num_frames, self._shortest_excerpt, self._rng)
        indices = [first + index for index in training_indices(length, self._num_segments, self._rng)]
        self._after = self._after or self._rng.bit_generator.state
        self._rng.bit_generator.state = self._after
        return indices


class ListedViews(Dataset[Example]):
    """Evaluation examples: uint8 [V, T, crop, crop, 3], bit for bit the views that the gateway builds.

    An item that cannot be read is black and has NO_LABEL, and its error is returned with it.

    Args:
        items: The items of a list.
        reader: Reads an item's frames.
        spec: Number of frames, size and view.
        max_unreadable: Limit of unreadable items, for `UnreadableTally`.
        store: Keeps the views of each item for the next time.
    """

    def __init__(
        self,
        items: Sequence[ListItem],
        reader: ItemReader,
        spec: ClipSpec,
        *,
        max_unreadable: int,
        store: FrameStore | None = None,
    ) -> None:
        self.max_unreadable = _never_all(items, max_unreadable)
        self._items = items
        self._reader = reader
        self._spec = spec
        self._store = store

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Example:
        try:
            return Example(self._views(index), self._items[index].label)
        except UnreadableItem as error:
            spec = self._spec
            return Example(_black(spec.num_views, spec.num_frames, spec.crop), NO_LABEL, (error,))

    def _views(self, index: int) -> NDArray[np.uint8]:
        if self._store is None:
            return read_views(self._items[index], self._reader, self._spec)
        stored = self._store.get(index)
        if stored is not None:
            frames = np.stack(stored.read(range(len(stored))))
            return frames.reshape(self._spec.num_views, -1, *frames.shape[1:])
        views = read_views(self._items[index], self._reader, self._spec)
        self._store.put(index, views.reshape(-1, *views.shape[2:]))
        return views


def read_views(item: ListItem, reader: ItemReader, spec: ClipSpec) -> NDArray[np.uint8]:
    """Read an item's views, uint8 [V, T, crop, crop, 3]. Raises UnreadableItem."""
    frames = reader.read(item, lambda num_frames: evaluation_indices(num_frames, spec.num_frames, spec.clips))
    return make_views(frames, spec)


def _never_all(items: Sequence[ListItem], max_unreadable: int) -> int:
    """Lower the limit so that it is exceeded when no item at all can be read."""
    return min(max_unreadable, len({item.path for item in items}) - 1)


def _black(*shape: int) -> NDArray[np.uint8]:
    """Make black square images; the last of `shape` is their side."""
    return np.zeros((*shape, shape[-1], 3), np.uint8)

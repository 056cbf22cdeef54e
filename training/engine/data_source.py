"""Data sources: the training and validation batches that a recipe's `data` section describes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec, View
from training.data.augmentation.augmentation import Augmentation
from training.data.augmentation.colour import ColourJitter
from training.data.augmentation.multi_scale_crop import MultiScaleCrop
from training.data.batch import Batch
from training.data.cached_reader import CachedReader
from training.data.dataloader import Batches, EvaluationBatches, Reporter, TrainingBatches, deal_batches, load_batches
from training.data.dataset import ListedClips, ListedViews
from training.data.frame_store import FrameStore
from training.data.readers import FrameFolderReader, ItemReader, VideoReader
from training.data.rendered import SyntheticClips, SyntheticViews
from training.data.worker_count import worker_count
from training.engine.distributed import Processes
from training.lists.item_list import ListItem, check_frame_folders, read_item_list
from training.recipes.completion import read_data_labels
from training.recipes.recipe import Recipe, RecipeError
from training.recipes.schema import FramesSection, SyntheticSection, VideosSection
from training.synthetic.figures.gestures import GESTURES
from training.synthetic.motions import LABELS

VALIDATION_SEED = 1_000_000
"""Seed of the rendered validation clips in every run, far from training seeds."""

CACHE_BYTES = 2**31
"""Limit of `data.cache` on a machine, for the frames of training and for the views of validation."""


class DataSource(Protocol):
    """The share of a recipe's clips that one process of a run sees."""

    labels: tuple[str, ...]
    num_auxiliary: int
    """Classes of a second task, numbered after the labels, which only training knows."""
    steps_per_epoch: int
    class_counts: NDArray[np.int64]
    """[K], training clips of each class, in proportion."""

    def training_batches(self, epoch: int) -> Iterable[Batch]:
        """Return this process's batches of an epoch, decided by the seed: clips uint8 [N, T, H, W, 3]."""

    def validation_batches(self, epoch: int) -> Batches:
        """Return this process's share of the validation batches, dealt in turn: views uint8 [N, V, T, H, W, 3]."""

    def validation_clip(self, epoch: int, index: int) -> tuple[str, NDArray[np.uint8]]:
        """Return the name of a validation clip and its views uint8 [V, T, H, W, 3], by its place in the whole set."""


def open_data_source(recipe: Recipe, seed: int, processes: Processes, report: Reporter) -> DataSource:
    """Open the data of a recipe.

    Args:
        recipe: The recipe.
        seed: Seed of order, augmentation and rendering.
        processes: The processes that share the data.
        report: Called with a line for each item that cannot be read.

    Raises:
        BadInput: A list or label file is missing or wrong; the message names it.
    """
    if isinstance(recipe.data, SyntheticSection):
        return SyntheticDataSource(
            recipe.data, recipe.clip, _check_num_labels(LABELS, recipe, "the rendered clips"), seed, processes
        )
    labels = _check_num_labels(read_data_labels(recipe.data.labels), recipe, str(recipe.data.labels))
    return ListedDataSource(recipe.data, recipe.clip, labels, seed, processes, report)


class ListedDataSource:
    """Frame folders or video files, named by a training and a validation list.

    Args:
        section: The recipe's `data` section.
        spec: Number of frames, size and view.
        labels: The class names.
        seed: Seed of order and augmentation.
        processes: The processes that share the data.
        report: Called with a line for each item that cannot be read.

    Raises:
        ItemListError: A list is missing or wrong, or a frame folder is incomplete.
    """

    def __init__(
        self,
        section: FramesSection | VideosSection,
        spec: ClipSpec,
        labels: tuple[str, ...],
        seed: int,
        processes: Processes,
        report: Reporter,
    ) -> None:
        self.labels = labels
        self.num_auxiliary = 0
        reader = _reader(section)
        train, validation = (
            _read_items(section, path, len(labels), processes) for path in (section.train, section.validation)
        )
        self.class_counts = np.bincount([item.label for item in train], minlength=len(labels))
        limit = section.max_unreadable
        augmentation = _augmentation(section, spec)
        self._cached, store = None, None
        if isinstance(section, VideosSection) and section.cache:
            num_bytes = CACHE_BYTES // processes.local_world_size
            self._cached = CachedReader((item.path for item in train), augmentation.resize, num_bytes)
            store = FrameStore(len(validation), num_bytes)
        clips = ListedClips(
            train,
            self._cached or reader,
            augmentation,
            num_frames=spec.num_frames,
            seed=seed,
            max_unreadable=limit,
            shortest_excerpt=section.shortest_excerpt,
        )
        views = ListedViews(validation, reader, spec, max_unreadable=limit, store=store)
        self._report = report
        self._names = [os.path.relpath(item.path, section.root) for item in validation]
        self._views = views
        self._training = TrainingBatches(clips, report=report, **_share(section, len(train), processes))
        self._validation = EvaluationBatches(views, report=report, **_share(section, len(validation), processes))
        self.steps_per_epoch = self._training.steps_per_epoch

    def training_batches(self, epoch: int) -> Iterator[Batch]:
        """Yield this process's batches of an epoch; raise TooManyUnreadable. Report once if a cache is too small."""
        yield from self._training.epoch(epoch)
        if self._cached and (line := self._cached.describe_left_out()):
            self._report(line)
            self._cached = None

    def validation_batches(self, epoch: int) -> Batches:
        """Return this process's validation batches, the same in every epoch; iterating raises TooManyUnreadable."""
        return self._validation

    def validation_clip(self, epoch: int, index: int) -> tuple[str, NDArray[np.uint8]]:
        """Return a validation clip's path below the root and its views, black if it cannot be read any more."""
        return self._names[index], self._views[index].clip


class SyntheticDataSource:
    """Rendered clips of the demo's motions, with the size and difficulty of each epoch's lesson.

    Args:
        section: The recipe's `data` section.
        spec: Number of frames and view; the size is the lesson's.
        labels: The class names.
        seed: Seed of the training clips.
        processes: The processes that share the data.
    """

    def __init__(
        self, section: SyntheticSection, spec: ClipSpec, labels: tuple[str, ...], seed: int, processes: Processes
    ) -> None:
        self.labels = labels
        self.num_auxiliary = len(GESTURES) if section.gestures_share else 0
        self.steps_per_epoch = section.steps_per_epoch
        self.class_counts = np.ones(len(labels) + self.num_auxiliary, np.int64)
        self._section = section
        self._spec = spec
        self._seed = seed
        self._processes = processes

    def training_batches(self, epoch: int) -> Iterator[Batch]:
        """Return this process's batches of an epoch, rendered as they are asked for."""
        clips = SyntheticClips(
            self._spec_of(epoch),
            difficulty=self._section.lesson(epoch).difficulty,
            seed=(self._seed, epoch, self._processes.rank),
            shuffled_share=self._section.shuffled_share,
            gestures_share=self._section.gestures_share,
        )
        batches = load_batches(clips, batch_size=self._section.batch_size, workers=self._section.workers)
        return islice(batches, self.steps_per_epoch)

    def validation_batches(self, epoch: int) -> Batches:
        """Return this process's validation batches: the same clips for every seed, and every epoch of a lesson."""
        views, workers = self._views_of(epoch), self._section.workers
        return deal_batches(views, workers=workers, rank=self._processes.rank, world_size=self._processes.world_size)

    def validation_clip(self, epoch: int, index: int) -> tuple[str, NDArray[np.uint8]]:
        """Render a validation clip's batch again; return the clip's number as its name, and its view."""
        batch, row = divmod(index, self._section.batch_size)
        return f"rendered clip {index}", self._views_of(epoch)[batch].clips[row].numpy()

    def _views_of(self, epoch: int) -> SyntheticViews:
        return SyntheticViews(
            self._spec_of(epoch),
            num_clips=self._section.validation_clips,
            batch_size=self._section.batch_size,
            seed=(VALIDATION_SEED,),
        )

    def _spec_of(self, epoch: int) -> ClipSpec:
        return replace(self._spec, crop=self._section.lesson(epoch).side)


def _check_num_labels(labels: tuple[str, ...], recipe: Recipe, where: str) -> tuple[str, ...]:
    if len(labels) != recipe.model.num_classes:
        raise RecipeError(
            f"{where}: there are {len(labels)} labels, but model.num_classes is {recipe.model.num_classes}"
        )
    return labels


def _reader(section: FramesSection | VideosSection) -> ItemReader:
    return FrameFolderReader(section.file_name) if isinstance(section, FramesSection) else VideoReader()


def _read_items(
    section: FramesSection | VideosSection, path: Path, num_classes: int, processes: Processes
) -> list[ListItem]:
    """Read a list's items; the first process checks that frame folders are complete."""
    with_frames = isinstance(section, FramesSection)
    items = read_item_list(path, root=section.root, num_classes=num_classes, with_frames=with_frames)
    if isinstance(section, FramesSection) and processes.is_first:
        check_frame_folders(items, section.file_name)
    return items


def _share(section: FramesSection | VideosSection, num_items: int, processes: Processes) -> dict[str, int]:
    """Return how one process loads its share of a list's items."""
    num_batches = math.ceil(num_items / (section.batch_size * processes.world_size))
    workers = worker_count(section.workers, num_batches=num_batches, processes=processes.local_world_size)
    return {
        "batch_size": section.batch_size,
        "workers": workers,
        "rank": processes.rank,
        "world_size": processes.world_size,
    }


def _augmentation(section: FramesSection | VideosSection, spec: ClipSpec) -> Augmentation:
    crops = section.crops
    crop = MultiScaleCrop(crop=spec.crop, scales=crops.scales, num_fixed_crops=crops.fixed_offsets)
    return Augmentation(
        short_side=spec.short_side,
        crop=crop,
        flip=section.flip,
        squeeze=spec.view is View.SQUEEZE,
        colour=ColourJitter(section.colour_jitter),
    )

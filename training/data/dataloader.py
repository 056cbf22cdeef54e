"""Data sets become batches, made by worker processes. How many workers there are changes nothing but the speed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from training.data.batch import Batch, Example
from training.data.dataset import ListedClips, ListedViews
from training.data.rendered import SyntheticClips
from training.data.sampler import Key, epoch_order, evaluation_order
from training.data.unreadable import UnreadableTally

Reporter = Callable[[str], None]
"""Given one line for each item that cannot be read, in the main process."""


class Batches(Protocol):
    """Batches that may be gone through many times."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


class TrainingBatches:
    """One process's batches, epoch by epoch; `batch_size` is this process's. The workers live as long as this does.

    There are `steps_per_epoch` in each process; the last may be smaller. Going through them raises TooManyUnreadable.
    """

    def __init__(
        self,
        dataset: ListedClips,
        *,
        batch_size: int,
        workers: int,
        report: Reporter,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        def order(epoch: int) -> list[Key]:
            return epoch_order(len(dataset), epoch=epoch, seed=dataset.seed, rank=rank, world_size=world_size)

        self.steps_per_epoch = math.ceil(len(order(0)) / batch_size)
        self._sampler = _EpochSampler(order, batch_size)
        self._loader = _loader(dataset, workers, batch_sampler=self._sampler, persistent_workers=workers > 0)
        self._tally = UnreadableTally(dataset.max_unreadable, report)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, whichever were gone through before: what resuming needs."""
        self._sampler.epoch = number
        yield from self._tally.watch(self._loader)


class EvaluationBatches:
    """One process's batches of an evaluation: those of `evaluation_order`. May be gone through many times.

    Going through them raises TooManyUnreadable.
    """

    def __init__(
        self,
        dataset: ListedViews,
        *,
        batch_size: int,
        workers: int,
        report: Reporter,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        order = evaluation_order(len(dataset), batch_size=batch_size, rank=rank, world_size=world_size)
        self._num_batches = len(order)
        self._loader = _loader(dataset, workers, batch_sampler=order)
        self._tally = UnreadableTally(dataset.max_unreadable, report)

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[Batch]:
        return self._tally.watch(self._loader)


def load_batches(dataset: SyntheticClips, *, batch_size: int, workers: int) -> Iterator[Batch]:
    """Endless batches of rendered clips; each number of workers renders others."""
    return iter(_loader(dataset, workers, batch_size=batch_size))


def deal_batches(dataset: Dataset[Batch], *, workers: int, rank: int, world_size: int) -> Batches:
    """One process's share of a data set of whole batches, dealt in turn."""
    mine = range(rank, len(dataset), world_size)  # type: ignore[arg-type]
    return DataLoader(dataset, batch_size=None, sampler=mine, num_workers=workers, worker_init_fn=_start_worker)


class _EpochSampler(Sampler[list[Key]]):
    """The keys of an epoch's batches, `epoch` being the next to be gone through."""

    def __init__(self, order: Callable[[int], list[Key]], batch_size: int) -> None:
        self.epoch = 0
        self._order = order
        self._batch_size = batch_size

    def __iter__(self) -> Iterator[list[Key]]:
        keys = self._order(self.epoch)
        starts = range(0, len(keys), self._batch_size)
        return (keys[start : start + self._batch_size] for start in starts)


def _loader(dataset: Dataset[Example], workers: int, **batches: Any) -> DataLoader[Any]:
    return DataLoader[Any](
        dataset,
        num_workers=workers,
        collate_fn=Batch.of,
        worker_init_fn=_start_worker,
        # One of its own, so that torch's global one, which dropout draws from, is not drawn from here.
        generator=torch.Generator(),
        **batches,
    )


def _start_worker(number: int) -> None:
    """Workers share the processor among themselves; in each, one thread does all."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)

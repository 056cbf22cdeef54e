"""Data loaders: batches made by worker processes. For listed items the number of workers changes only the speed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from training.data.batch import Batch, Example
from training.data.dataset import ListedClips, ListedViews
from training.data.rendered import SyntheticClips
from training.data.sampler import EpochSampler, Key, epoch_order, evaluation_order
from training.data.unreadable import UnreadableTally

Reporter = Callable[[str], None]
"""Called in the main process with a line for each item that cannot be read."""


class Batches(Protocol):
    """Batches that can be iterated many times."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


class TrainingBatches:
    """One process's training batches, epoch by epoch; its worker processes are kept between epochs.

    Each process has `steps_per_epoch` batches; the last may be smaller. Iterating raises TooManyUnreadable.

    Args:
        dataset: The clips.
        batch_size: Clips in a batch of this process.
        workers: Worker processes; 0 loads in this one.
        report: Called with a line for each item that cannot be read.
        rank: This process.
        world_size: Number of processes.
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
        self._sampler = EpochSampler(order, batch_size)
        self._loader = _loader(dataset, workers, batch_sampler=self._sampler, persistent_workers=workers > 0)
        self._tally = UnreadableTally(dataset.max_unreadable, report)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of any epoch, independent of those before, so that runs can be resumed."""
        self._sampler.epoch = number
        yield from self._tally.watch(self._loader)


class EvaluationBatches:
    """One process's evaluation batches, in `evaluation_order`. Iterating, also repeatedly, raises TooManyUnreadable.

    Args:
        dataset: The views.
        batch_size: Items in a batch.
        workers: Worker processes; 0 loads in this one.
        report: Called with a line for each item that cannot be read.
        rank: This process.
        world_size: Number of processes.
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
    """Yield batches of rendered clips without end; they depend on the number of workers."""
    return iter(_loader(dataset, workers, batch_size=batch_size))


def deal_batches(dataset: Dataset[Batch], *, workers: int, rank: int, world_size: int) -> Batches:
    """Return one process's share of a data set of whole batches, dealt in turn.

    Args:
        dataset: The batches.
        workers: Worker processes; 0 loads in this one.
        rank: This process.
        world_size: Number of processes.
    """
    mine = range(rank, len(dataset), world_size)  # type: ignore[arg-type]
    return DataLoader[Batch](dataset, batch_size=None, sampler=mine, **_processes(workers))


def _loader(dataset: Dataset[Example], workers: int, **batches: Any) -> DataLoader[Any]:
    return DataLoader[Any](
        dataset,
        collate_fn=Batch.of,
        # Its own generator: drawing from torch's global one would change dropout.
        generator=torch.Generator(),
        **batches,
        **_processes(workers),
    )


def _processes(workers: int) -> dict[str, Any]:
    """Return the options of torch's DataLoader for so many worker processes."""
    # forked, since a cache's file is inherited; a process that was spawned would spawn its own
    context = "fork" if workers else None
    return {"num_workers": workers, "worker_init_fn": _start_worker, "multiprocessing_context": context}


def _start_worker(number: int) -> None:
    """Limit each worker process to one thread, since the workers share the CPU."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)

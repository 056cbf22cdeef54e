"""Replicas of a model on several GPUs, each ready for a batch of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

from service.backends.base import Backend, CheckedBackend, Clips, Outputs

Gpu = TypeVar("Gpu", int, int | None)
"""CUDA's number of a GPU; None is the CPU."""


def open_on_each(gpus: Sequence[Gpu], open_on: Callable[[Gpu], Backend]) -> Backend:
    """Open a model on each GPU; a single one is returned as it is.

    Raises what `open_on` raises; those that are open already are closed then.
    """
    with ExitStack() as on_failure:
        replicas = []
        for gpu in gpus:
            replicas.append(replica := open_on(gpu))
            on_failure.callback(replica.close)
        on_failure.pop_all()
    return replicas[0] if len(replicas) == 1 else Replicas(replicas)


class Replicas:
    """The same model on several devices; one that is lost makes all of it a model whose device is lost."""

    def __init__(self, replicas: Sequence[Backend]) -> None:
        self.replicas = tuple(replicas)
        self.max_batch_size = min(replica.max_batch_size for replica in replicas)

    def infer(self, clips: Clips) -> Outputs:
        """Run the first replica on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        return self.replicas[0].infer(clips)

    def check_up(self) -> None:
        """Raise DeviceLost when the device of any replica is lost."""
        for replica in self.replicas:
            if isinstance(replica, CheckedBackend):
                replica.check_up()

    def close(self) -> None:
        """Free what every replica holds."""
        for replica in self.replicas:
            replica.close()

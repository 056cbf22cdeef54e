"""Distributed training: one process alone, or the process group that torchrun starts."""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from training.engine.device import DeviceError

T = TypeVar("T")

SECONDS_FOR_THREADS = 1.0
"""Pause of a process that failed, before its interpreter is torn down: a thread of Gloo that still needs the GIL then
would abort the process, whose exit code would not say what failed.
"""

_LEFT_GROUPS: list[dist.ProcessGroup | None] = []
"""Process groups that were left, kept to the end of the process.

The model's reducer, which DistributedDataParallel makes, holds the group too. If it were the last to let go of it, it
would wait, with the GIL held, for Gloo's threads, which need the GIL to let go of the last collective's tensors.
"""


@dataclass(frozen=True)
class Processes:
    """One process's device, place among all processes and those of its node, and its collective operations."""

    device: torch.device
    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    local_world_size: int = 1

    @property
    def is_first(self) -> bool:
        """True for rank 0, the process that writes files and output."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """Wrap a model so that its gradients are averaged over all processes."""
        return model if self.world_size == 1 else DistributedDataParallel(model, broadcast_buffers=False)

    def share_buffers(self, model: nn.Module) -> None:
        """Broadcast rank 0's running statistics of batch normalisation to all processes."""
        for buffer in model.buffers() if self.world_size > 1 else ():
            dist.broadcast(buffer, src=0)

    def interleave(self, own: list[T]) -> list[T]:
        """Gather items that were dealt in turn, in their original order, in every process."""
        if self.world_size == 1:
            return own
        hands: list[list[T]] = [[] for _ in range(self.world_size)]
        dist.all_gather_object(hands, own)
        longest = max(map(len, hands))
        return [hand[turn] for turn in range(longest) for hand in hands if turn < len(hand)]

    @contextmanager
    def one_at_a_time_on_each_node(self) -> Iterator[None]:
        """Run the block in local rank 0 first, then in the node's other processes."""
        if self.world_size > 1 and self.local_rank > 0:
            dist.barrier()
        try:
            yield
        finally:
            # Also after an error: the others then meet it themselves, instead of waiting.
            if self.world_size > 1 and self.local_rank == 0:
                dist.barrier()


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """Join torchrun's process group, if there is one: NCCL with GPUs, Gloo without.

        with joined_processes() as processes:
            trainer = build_trainer(recipe, processes, ...)

    A process of a group has success as its exit code when the block ended without an exception. Raises DeviceError
    where a node has GPUs, but fewer than processes.
    """
    if "RANK" not in os.environ:
        yield Processes(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
        return
    rank, local_rank, world_size = (int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"))
    local_world_size = int(os.environ.get("LOCAL_WORLD_SIZE", world_size))
    device = _device_of(local_rank, local_world_size)
    _join_group(device)
    try:
        yield Processes(device, rank, local_rank, world_size, local_world_size)
    except BaseException:
        atexit.register(time.sleep, SECONDS_FOR_THREADS)
        raise
    finally:
        _LEFT_GROUPS.append(dist.group.WORLD)
        dist.destroy_process_group()
    atexit.register(_end_at_once)


def _device_of(local_rank: int, local_world_size: int) -> torch.device:
    """Return a process's own GPU, or the CPU where there is none. Raises DeviceError if there are too few GPUs."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    num_gpus = torch.cuda.device_count()
    if local_world_size > num_gpus:
        raise DeviceError(
            f"{local_world_size} processes need a GPU each, and this node has {num_gpus}; "
            f"start {num_gpus} by --nproc-per-node, or hide the GPUs by CUDA_VISIBLE_DEVICES= to train on the CPU"
        )
    return torch.device("cuda", local_rank)


def _join_group(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", device_id=device)
    else:
        dist.init_process_group("gloo")


def _end_at_once() -> None:
    """End the process, whose work is done, without tearing down the interpreter.

    A thread of Gloo that then still needs the GIL, for the last collective's tensors, would abort the process: torchrun
    reports a finished run as failed, and ends the other processes.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)

"""Number of data-loading processes that `workers: auto` stands for."""

from __future__ import annotations

from clips.cpu_quota import usable_cores

MAX_WORKERS = 8
"""Limit of `auto`; more are worth their memory only where videos are large."""


def worker_count(wanted: int | str, *, num_batches: int, processes: int) -> int:
    """Return the number of workers of a training process: what is wanted, or the cores that training leaves.

    With `auto` that is 0 where training takes the only core, or where an epoch's one batch leaves nothing to load
    ahead; else at most one worker a batch.

    Args:
        wanted: A number, or `auto`.
        num_batches: Batches in an epoch of this process.
        processes: Training processes on this machine, which share its cores.
    """
    if isinstance(wanted, int):
        return wanted
    spare = usable_cores() // processes - 1
    return max(0, min(spare, MAX_WORKERS, num_batches if num_batches > 1 else 0))

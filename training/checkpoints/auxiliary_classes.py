"""Auxiliary classes: those of a second task, which a head has after its labels while it is trained."""

from __future__ import annotations

from dataclasses import replace

from training.checkpoints.checkpoint import Checkpoint

HEAD = ("head.weight", "head.bias")


def without_auxiliary_classes(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint whose head has the classes of its labels alone, the first ones of the given head."""
    count = len(checkpoint.labels)
    head = {name: checkpoint.tensors[name][:count].clone() for name in HEAD}
    architecture = replace(checkpoint.architecture, num_classes=count)
    return replace(checkpoint, architecture=architecture, tensors={**checkpoint.tensors, **head})

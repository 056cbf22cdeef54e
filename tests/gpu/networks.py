"""Untrained networks of the published size, and of a size that runs anywhere."""

from __future__ import annotations

import torch

from clips.clip_spec import ClipSpec
from tests.helpers.training.networks import lively
from training.checkpoints.checkpoint import Checkpoint
from training.model.tin import Architecture, Temporal

NUM_CLASSES = 174


def small_checkpoint() -> Checkpoint:
    """Return a small network of six classes on frames of 96 pixels."""
    return _checkpoint(Architecture(num_classes=6, depth=18, width=0.25), ClipSpec(crop=96))


def r50_checkpoint(temporal: Temporal = Temporal.TIN) -> Checkpoint:
    """Return a ResNet-50 of the published size."""
    return _checkpoint(Architecture(num_classes=NUM_CLASSES, temporal=temporal), ClipSpec())


def _checkpoint(architecture: Architecture, spec: ClipSpec) -> Checkpoint:
    torch.manual_seed(0)
    labels = tuple(map(str, range(architecture.num_classes)))
    return Checkpoint(architecture, spec, labels, lively(architecture).state_dict(), {})

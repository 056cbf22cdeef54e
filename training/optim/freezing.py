"""Frozen parts of a network: stages that do not learn, and batch normalisation that keeps its statistics."""

from __future__ import annotations

from torch import nn

from training.model.tin import TIN


def freeze_stages(model: TIN, count: int) -> None:
    """Give the stem and the first stages no gradients; 0 freezes nothing. MMAction2: `frozen_stages=count`."""
    for part in (model.stem, *model.stages[:count]) if count else ():
        part.requires_grad_(requires_grad=False)


def freeze_norm(model: nn.Module, *, everywhere: bool) -> None:
    """Let batch normalisation keep its statistics until the next `train()`: in frozen stages, or everywhere.

    Elsewhere than in frozen stages its scale and shift go on learning.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and (everywhere or not module.weight.requires_grad):
            module.eval()

"""Optimisers of a recipe, and the parameter groups that they update."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from training.model.tin import TIN
from training.optim.muon import Muon
from training.recipes.schema import MuonSection, OptimSection, SgdSection

GROUPS = {
    "first_conv_weight": (1.0, 1.0),
    "first_conv_bias": (2.0, 0.0),
    "normal_weight": (1.0, 1.0),
    "normal_bias": (2.0, 0.0),
    "bn": (1.0, 0.0),
    "fc_weight": (1.0, 1.0),
    "fc_bias": (2.0, 0.0),
}
"""Factors on learning rate and weight decay by group. MMAction2: `TSMOptimizerConstructor`."""

FC_LR5 = {"fc_weight": (5.0, 1.0), "fc_bias": (10.0, 0.0)}
"""Factors of the head with `fc_lr5`."""


def make_optimizers(model: TIN, section: OptimSection) -> list[Optimizer]:
    """Make a recipe's optimisers; every group keeps its own rate as `initial_lr`, for `scale_rates`."""
    optimizers: list[Optimizer]
    match section:
        case SgdSection():
            optimizers = [SGD(tsm_groups(model, section), lr=section.lr, momentum=section.momentum)]
        case MuonSection():
            optimizers = _muon_and_adamw(model, section)
    for group in _groups(optimizers):
        group["initial_lr"] = group["lr"]
    return optimizers


def scale_rates(optimizers: Iterable[Optimizer], factor: float) -> None:
    """Set every group's rate to `factor` times its initial one."""
    for group in _groups(optimizers):
        group["lr"] = factor * group["initial_lr"]


def tsm_groups(model: TIN, section: SgdSection) -> list[dict[str, Any]]:
    """Split the parameters into TSM's seven groups; biases and batch normalisation have no weight decay."""
    factors = GROUPS | (FC_LR5 if section.fc_lr5 else {})
    members: dict[str, list[nn.Parameter]] = {name: [] for name in factors}
    for group, parameter in _by_group(model):
        members[group].append(parameter)
    return [
        {
            "name": name,
            "params": members[name],
            "lr": section.lr * lr_factor,
            "weight_decay": section.weight_decay * decay_factor,
        }
        for name, (lr_factor, decay_factor) in factors.items()
    ]


def _by_group(model: TIN) -> Iterator[tuple[str, nn.Parameter]]:
    for module in model.modules():
        prefix = "normal"
        if isinstance(module, nn.BatchNorm2d):
            prefix = "bn"
        elif module is model.stem.conv:
            prefix = "first_conv"
        elif module is model.head:
            prefix = "fc"
        for name, parameter in module.named_parameters(recurse=False):
            yield prefix if prefix == "bn" else f"{prefix}_{name}", parameter


def _muon_and_adamw(model: TIN, section: MuonSection) -> list[Optimizer]:
    """Make Muon for the residual blocks' convolutions and AdamW for everything else."""
    convolutions = [
        module.weight for block in model.blocks for module in block.modules() if isinstance(module, nn.Conv2d)
    ]
    taken = {id(weight) for weight in convolutions}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in taken]
    muon = Muon(
        convolutions, lr=section.muon_lr, momentum=section.muon_momentum, weight_decay=section.muon_weight_decay
    )
    return [muon, AdamW(rest, lr=section.adamw_lr, weight_decay=section.adamw_weight_decay)]


def _groups(optimizers: Iterable[Optimizer]) -> Iterator[dict[str, Any]]:
    for optimizer in optimizers:
        yield from optimizer.param_groups

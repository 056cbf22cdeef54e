"""The Muon optimiser: orthogonalised momentum (Jordan et al., 2024), for convolutions trained from scratch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd polynomial that drives singular values towards 1 (Jordan et al., Muon, 2024)."""


class Muon(Optimizer):
    """Momentum with a nearly orthogonal update: every direction of a layer moves at the same speed.

    `torch.optim.Muon` takes matrices only; here a convolution's weight [out, in, k, k] counts as [out, in * k * k].

    Args:
        parameters: Weights of two or more dimensions.
        lr: Learning rate.
        momentum: Momentum factor, from 0 to 1.
        weight_decay: Decoupled weight decay.
    """

    def __init__(self, parameters: Iterable[Tensor], *, lr: float, momentum: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad, group)

    def _update(self, weight: Tensor, gradient: Tensor, group: dict[str, float]) -> None:
        velocity = self.state[weight].setdefault("velocity", torch.zeros_like(weight))
        velocity.lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(velocity, group["momentum"]).flatten(1)
        stretch = max(1, ahead.shape[0] / ahead.shape[1]) ** 0.5
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(orthogonalise(ahead).view_as(weight), alpha=-group["lr"] * stretch)


def orthogonalise(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Approximate the nearest (semi-)orthogonal matrix: singular values end between about 0.7 and 1.2."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    result: Tensor = matrix.T if tall else matrix
    result = result / (result.norm() + 1e-7)
    for _ in range(iterations):
        gram = result @ result.T
        result = a * result + (b * gram + c * gram @ gram) @ result
    return result.T if tall else result

"""Exponential moving average of a network's weights and of its statistics of batch normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.model.tin import TIN


class WeightAverage(AveragedModel):
    """A copy of a network that each update moves towards it, by a share of 1 - `decay` or more.

        average = WeightAverage(model, 0.999)
        average.update_parameters(model)    # after each optimiser step

    The running statistics of batch normalisation are averaged like the weights, since those of the last steps belong to
    other weights; counters are taken as they are. The first update is a copy.
    """

    def __init__(self, model: TIN, decay: float) -> None:
        super().__init__(model, multi_avg_fn=self._move, use_buffers=True)
        self._decay = decay

    @property
    def network(self) -> TIN:
        """The averaged network."""
        return cast(TIN, self.module)

    @torch.no_grad()
    def _move(self, averaged: Sequence[Tensor], current: Sequence[Tensor], updates: Tensor | int) -> None:
        if averaged[0].is_floating_point():
            move = get_ema_multi_avg_fn(decay_after(int(updates), self._decay))  # type: ignore[no-untyped-call]
            move(averaged, current, updates)
        else:
            torch._foreach_copy_(tuple(averaged), tuple(current))


def decay_after(updates: int, decay: float) -> float:
    """Return the decay after a number of updates: low at first, so that a short run forgets its initial weights."""
    return min(decay, (1 + updates) / (10 + updates))

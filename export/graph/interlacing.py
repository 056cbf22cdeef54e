"""Interlacing of a block in the split network: the plan by its two networks, then the move of the quarter.

Both are given as operators, so that a graph has them either in standard operators or as nodes of their own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from training.model.interlace import TemporalInterlace
from training.model.interlace_ops import NUM_GROUPS

Plan = Callable[[TemporalInterlace, Tensor], tuple[Tensor, Tensor]]
"""Networks and features [N * T, C, H, W] to offsets [N, 2], in frames, and weights [N, T, 2]."""

Move = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Interlacing: features [N * T, C, H, W], offsets [N, 2] and weights [N, T, 2] to features of the same shape."""

Learned = tuple[Tensor, ...]
"""Offsets [N, 2] in frames and weights [N, T, 2] of a block that interlaces; empty for other blocks."""


def plan_by_layers(interlace: TemporalInterlace, quarter: Tensor) -> tuple[Tensor, Tensor]:
    """Plan by the layers of both networks, in the type of their weights."""
    pooled = interlace.pool(quarter)
    return interlace.plan_pooled(pooled.to(interlace.offset_net.fc1.weight.dtype))


def interlace_by_hat(features: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
    """Interlace by the hat function max(0, 1 - |t - o - s|): `training.model.interlace.interlace` in fewer graph nodes.

    One block matrix [N, 4 T, 4 T] times [N, 4 T, C / 4 * H * W], without a transposition of the features.

    Args:
        features: float [N * T, C, H, W], C a multiple of 4.
        offsets: float [N, 2], in frames.
        weights: float [N, T, 2].
    """
    num_frames = weights.shape[1]
    frame = torch.arange(num_frames, dtype=offsets.dtype, device=offsets.device)
    distance = (frame[:, None] - frame[None, :])[None, :, None, :]
    of_group = torch.cat([offsets, -offsets], dim=1)[:, None, :, None]
    taps = relu(1 - (distance - of_group).abs()) * torch.cat([weights, weights], dim=2)[..., None]
    own_group = torch.eye(NUM_GROUPS, dtype=taps.dtype, device=taps.device)
    matrix = taps[..., None] * own_group[:, None, :]
    pairs = num_frames * NUM_GROUPS
    channels, height, width = features.shape[1:]
    flat = features.reshape(-1, pairs, channels // NUM_GROUPS * height * width)
    moved = torch.matmul(matrix.reshape(-1, pairs, pairs).to(features.dtype), flat)
    return moved.reshape(-1, channels, height, width)


class Interlacer(NamedTuple):
    """The operators of interlacing."""

    plan: Plan = plan_by_layers
    move: Move = interlace_by_hat


class Interlacing(nn.Module):
    """The interlacing of a block's quarter (TIN)."""

    def __init__(self, interlace: TemporalInterlace, interlacer: Interlacer) -> None:
        super().__init__()
        self.interlace = copy.deepcopy(interlace)
        self.interlacer = interlacer

    def forward(self, quarter: Tensor) -> tuple[Tensor, Learned]:
        """[N * T, C / 4, H, W] to the moved channels, offsets [N, 2] and weights [N, T, 2]."""
        offsets, weights = self.interlacer.plan(self.interlace, quarter)
        return self.interlacer.move(quarter, offsets, weights), (offsets, weights)

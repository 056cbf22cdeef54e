"""Temporal interlacing (Shao, Qian, Liu: "Temporal Interlacing Network", AAAI 2020, arXiv 2001.06499, section 3).

The first quarter of a feature map's channels is shifted along time, in four equal groups, by offsets that a small
network predicts from the clip itself; a second network predicts a weight for every shifted frame:

    y[t] = w[t, g] * sum over s of max(0, 1 - |t - o[g] - s|) * x[s]

Frames outside the clip are zero. In MMAction2 this is `TemporalInterlace` (`resnet_tin.py`) with MMCV's operator
`tin_shift`; the gradient here is the true adjoint, which that of `tin_shift` is not: see `Backward`.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from training.model.interlace_ops import NUM_GROUPS, Backward, interlace_plain

SHIFT_DIVISOR = 4
"""Ratio of all channels to interlaced ones."""

MAX_OFFSET = 2.0
"""Predicted offsets lie in (-MAX_OFFSET, MAX_OFFSET) frames."""

FUSED_DTYPES = (torch.float32, torch.float16, torch.bfloat16)
"""Feature types that the Triton kernels support."""


def interlace(
    features: Tensor,
    offsets: Tensor,
    weights: Tensor,
    *,
    num_channels: int | None = None,
    backward: Backward = Backward.ADJOINT,
) -> Tensor:
    """Shift four groups of channels along time; on CUDA in one fused kernel, if Triton is installed.

    Args:
        features: [N * T, C, H, W].
        offsets: [N, 2], in frames.
        weights: [N, T, 2].
        num_channels: Number of channels to interlace, a multiple of 4, from the first on; the others are unchanged. All
            channels if None.
        backward: The gradient to the features.

    Returns:
        The interlaced features, shaped like `features`. They have a kink at integer offsets: there, the gradient to the
        offset is each group's derivative towards a larger shift, that is, the right-hand derivative in the first two
        groups and the left-hand one in the two groups that move by the negative offset.
    """
    num_channels = features.shape[1] if num_channels is None else num_channels
    if features.is_cuda and features.dtype in FUSED_DTYPES and _has_triton():
        from training.model.interlace_triton import interlace_fused  # noqa: PLC0415

        return interlace_fused(features, offsets, weights, num_channels=num_channels, backward=backward)
    return interlace_plain(features, offsets, weights, num_channels=num_channels, backward=backward)


class OffsetNet(nn.Module):
    """Predicts two offsets from a clip's pooled features. MMAction2: `OffsetNet`."""

    def __init__(self, channels: int, num_frames: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, 1, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(num_frames, num_frames)
        self.fc2 = nn.Linear(num_frames, 2)

    def forward(self, pooled: Tensor) -> Tensor:
        """Map pooled features [N, C, T] to offsets [N, 2] in frames, each in (-2, 2)."""
        hidden = torch.relu(self.fc1(self.conv(pooled).squeeze(1)))
        return 2 * MAX_OFFSET * (torch.sigmoid(self.fc2(hidden)) - 0.5)

    def start_at(self, offset: float) -> None:
        """Set the bias so that the initial prediction is about `offset` frames."""
        share = offset / (2 * MAX_OFFSET) + 0.5
        nn.init.constant_(self.fc2.bias, math.log(share / (1 - share)))


class WeightNet(nn.Module):
    """Predicts two weights per frame from a clip's pooled features. MMAction2: `WeightNet`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, 2, kernel_size=3, padding=1)
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """Map pooled features [N, C, T] to weights [N, T, 2], each in (0, 2)."""
        weights: Tensor = 2 * torch.sigmoid(self.conv(pooled))
        return weights.transpose(1, 2)


class TemporalInterlace(nn.Module):
    """Interlaces the first quarter of a block's input channels; the others are unchanged.

    `backward_kind` may be set at any time; it changes gradients only. Raises ValueError if a quarter of the channels
    does not divide into four groups. MMAction2: `TemporalInterlace`.
    """

    def __init__(self, channels: int, num_frames: int) -> None:
        super().__init__()
        self.backward_kind = Backward.ADJOINT
        self.num_frames = num_frames
        self.num_channels = channels // SHIFT_DIVISOR
        if self.num_channels % NUM_GROUPS:
            raise ValueError(f"{channels} channels cannot be interlaced: a quarter of them must divide by {NUM_GROUPS}")
        self.offset_net = OffsetNet(self.num_channels, num_frames)
        self.weight_net = WeightNet(self.num_channels)

    def plan(self, quarter: Tensor) -> tuple[Tensor, Tensor]:
        """Map features [N * T, C / 4, H, W] to offsets [N, 2] and weights [N, T, 2]."""
        return self.plan_pooled(self.pool(quarter))

    def pool(self, quarter: Tensor) -> Tensor:
        """Average features [N * T, C / 4, H, W] over H and W to [N, C / 4, T]."""
        pooled = quarter.mean(dim=(2, 3)).reshape(-1, self.num_frames, self.num_channels)
        return pooled.transpose(1, 2)

    def plan_pooled(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Map pooled features [N, C / 4, T] to offsets [N, 2] and weights [N, T, 2]."""
        return self.offset_net(pooled), self.weight_net(pooled)

    def forward(self, features: Tensor) -> Tensor:
        """Map [N * T, C, H, W] to the same shape."""
        offsets, weights = self.plan(features[:, : self.num_channels])
        return interlace(features, offsets, weights, num_channels=self.num_channels, backward=self.backward_kind)


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None

"""The temporal shift (Lin, Gan, Han: "TSM: Temporal Shift Module", ICCV 2019, arXiv 1811.08383, section 3).

A fixed interlacing without parameters: one channel in eight takes the next frame's values, another one in eight the
previous frame's. MMAction2: `TemporalShift` (`resnet_tsm.py`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SHIFT_DIVISOR = 8
"""Ratio of all channels to those shifted in each direction."""


def shift_halves(features: Tensor, num_frames: int) -> Tensor:
    """Shift the first half of the channels one frame back and the second half one frame on, filling with zeros.

    Args:
        features: [N * T, C, H, W], C even.
        num_frames: T.
    """
    frames = features.reshape(-1, num_frames, *features.shape[1:])
    earlier, later = frames.chunk(2, dim=2)
    none = torch.zeros_like(earlier[:, :1])
    shifted = [torch.cat([earlier[:, 1:], none], dim=1), torch.cat([none, later[:, :-1]], dim=1)]
    return torch.cat(shifted, dim=2).flatten(0, 1)


def shift(features: Tensor, num_frames: int) -> Tensor:
    """Shift the first eighth of the channels one frame back and the second one frame on, filling with zeros.

    Args:
        features: [N * T, C, H, W].
        num_frames: T.

    Returns:
        The shifted features, shaped like `features`.
    """
    shifted, still = features.tensor_split([2 * (features.shape[1] // SHIFT_DIVISOR)], dim=1)
    return torch.cat([shift_halves(shifted, num_frames), still], dim=1)


class TemporalShift(nn.Module):
    """Shifts two eighths of a block's input channels; the others are unchanged. It has no parameters."""

    def __init__(self, num_frames: int) -> None:
        super().__init__()
        self.num_frames = num_frames

    def forward(self, features: Tensor) -> Tensor:
        """Map [N * T, C, H, W] to the same shape."""
        return shift(features, self.num_frames)

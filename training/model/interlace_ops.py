"""Interlacing as a differentiable function: groups, taps, the matrix over frames, and its form in torch operators.

`training.model.interlace` picks between this form and the Triton kernels of `training.model.interlace_triton`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

NUM_GROUPS = 4
"""Number of groups of interlaced channels: offsets (o0, o1, -o0, -o1), weights (w0, w1, w0, w1)."""


class Backward(StrEnum):
    """Gradient of interlacing to the features; the gradients to offsets and weights are exact in both kinds."""

    ADJOINT = "adjoint"
    """The exact gradient: the transpose of the forward pass, which shifts against the features' direction."""
    MMCV = "mmcv"
    """That of MMCV's `tin_shift`, with which the published checkpoints were trained: weighted, then shifted in the
    features' direction."""


def interlacing_matrix(offsets: Tensor, weights: Tensor) -> Tensor:
    """Build interlacing as one matrix over (frame, group) pairs.

    Args:
        offsets: [N, 2], in frames.
        weights: [N, T, 2].

    Returns:
        [N, T * 4, T * 4]; row t * 4 + g and column s * 4 + g hold the factor of frame s for frame t in group g.
    """
    return _matrix(_taps(_by_group(offsets), weights.shape[1]) * _of_targets(weights))


def interlace_plain(
    features: Tensor, offsets: Tensor, weights: Tensor, *, num_channels: int, backward: Backward
) -> Tensor:
    """Interlace with torch's own operators, on any device and dtype.

    Args:
        features: [N * T, C, H, W].
        offsets: [N, 2], in frames.
        weights: [N, T, 2].
        num_channels: Number of channels to interlace, from the first on.
        backward: The gradient to the features.

    Returns:
        The interlaced features, shaped like `features`.
    """
    moving, rest = features.tensor_split([num_channels], dim=1)
    matrix = interlacing_matrix(offsets, weights)
    frames_by_group = moving.reshape(matrix.shape[0], matrix.shape[1], -1)
    if backward is Backward.MMCV:
        backward_matrix = _mmcv_matrix(offsets, weights)
        moved: Tensor = _MatmulWithMMCVGradient.apply(frames_by_group, matrix, backward_matrix)  # type: ignore[no-untyped-call]
    else:
        moved = torch.bmm(matrix, frames_by_group)
    return torch.cat([moved.reshape(moving.shape), rest], dim=1)


class _MatmulWithMMCVGradient(torch.autograd.Function):
    """matrix @ frames, with another matrix in place of the transpose in the gradient to the frames."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, matrix: Tensor, backward_matrix: Tensor) -> Tensor:
        ctx.save_for_backward(frames, backward_matrix)
        return torch.bmm(matrix, frames)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        # Under autocast the product, and so its gradient, has another dtype than the inputs.
        frames, backward_matrix = (saved.to(upstream.dtype) for saved in ctx.saved_tensors)
        return torch.bmm(backward_matrix, upstream), torch.bmm(upstream, frames.transpose(1, 2)), None


def _mmcv_matrix(offsets: Tensor, weights: Tensor) -> Tensor:
    """Build MMCV's matrix, in which each frame is weighted before it is shifted."""
    with torch.no_grad():
        return _matrix(_taps(_by_group(offsets), weights.shape[1]) * _of_targets(weights).transpose(1, 2))


def _by_group(offsets: Tensor) -> Tensor:
    """Expand offsets [N, 2] to the groups, [N, 1, 1, 4]."""
    return torch.cat([offsets, -offsets], dim=1)[:, None, None, :]


def _of_targets(weights: Tensor) -> Tensor:
    """Expand weights [N, T, 2] of the target frames to the groups, [N, T, 1, 4]."""
    return torch.cat([weights, weights], dim=2)[:, :, None, :]


def _matrix(taps: Tensor) -> Tensor:
    """Arrange taps [N, T, T, 4] as a matrix [N, T * 4, T * 4] that does not mix groups."""
    num_clips, num_frames = taps.shape[:2]
    own_group = torch.eye(NUM_GROUPS, dtype=taps.dtype, device=taps.device)
    matrix = taps[:, :, None, :, :].transpose(2, 4) * own_group[:, None, :]
    return matrix.reshape(num_clips, num_frames * NUM_GROUPS, num_frames * NUM_GROUPS)


def _taps(offsets: Tensor, num_frames: int) -> Tensor:
    """Map offsets [N, 1, 1, G] to the taps of linear interpolation [N, T, T, G], target frame first.

    The values are max(0, 1 - |t - o - s|), written with floor so that the gradient at an integer offset is the
    right-hand derivative.
    """
    frame = torch.arange(num_frames, device=offsets.device)
    distance = (frame[:, None] - frame[None, :])[None, :, :, None]
    whole = torch.floor(offsets.detach())
    fraction = offsets - whole
    return (distance == whole) * (1 - fraction) + (distance == whole + 1) * fraction

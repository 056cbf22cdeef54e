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
"""Groups of interlaced channels, with offsets (o0, o1, -o0, -o1) and weights (w0, w1, w0, w1)."""


class Backward(StrEnum):
    """How the gradient comes back to the features; the gradients to offsets and weights are the true ones in both."""

    ADJOINT = "adjoint"
    """As calculus has it: the gradient slides against the features."""
    MMCV = "mmcv"
    """As MMCV's `tin_shift` has it, with which the published checkpoints were trained: weighed, then slid by the
    same offsets as the features."""


def interlacing_matrix(offsets: Tensor, weights: Tensor) -> Tensor:
    """What interlacing does, as one matrix over (frame, group) pairs.

    Args:
        offsets: [N, 2], in frames.
        weights: [N, T, 2].

    Returns:
        [N, T * 4, T * 4]; row t * 4 + g and column s * 4 + g hold what frame s gives to frame t in group g.
    """
    return _matrix(_two_taps(_by_group(offsets), weights.shape[1]) * _of_targets(weights))


def interlace_plain(
    features: Tensor, offsets: Tensor, weights: Tensor, *, num_channels: int, backward: Backward
) -> Tensor:
    """`interlace` in torch's own operators, for any device and dtype."""
    moving, rest = features.tensor_split([num_channels], dim=1)
    matrix = interlacing_matrix(offsets, weights)
    frames_by_group = moving.reshape(matrix.shape[0], matrix.shape[1], -1)
    if backward is Backward.MMCV:
        backward_matrix = _mmcv_matrix(offsets, weights)
        moved: Tensor = _MovedLikeMMCV.apply(frames_by_group, matrix, backward_matrix)  # type: ignore[no-untyped-call]
    else:
        moved = torch.bmm(matrix, frames_by_group)
    return torch.cat([moved.reshape(moving.shape), rest], dim=1)


class _MovedLikeMMCV(torch.autograd.Function):
    """matrix @ frames, whose gradient to the frames is another matrix times the gradient, in place of the transpose."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, matrix: Tensor, backward_matrix: Tensor) -> Tensor:
        ctx.save_for_backward(frames, backward_matrix)
        return torch.bmm(matrix, frames)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        # Under autocast the product, and so its gradient, is of another type than what went in.
        frames, backward_matrix = (saved.to(upstream.dtype) for saved in ctx.saved_tensors)
        return torch.bmm(backward_matrix, upstream), torch.bmm(upstream, frames.transpose(1, 2)), None


def _mmcv_matrix(offsets: Tensor, weights: Tensor) -> Tensor:
    """`interlacing_matrix` with each frame weighed before it moves."""
    with torch.no_grad():
        return _matrix(_two_taps(_by_group(offsets), weights.shape[1]) * _of_targets(weights).transpose(1, 2))


def _by_group(offsets: Tensor) -> Tensor:
    """Offsets [N, 2] to those of the groups, [N, 1, 1, 4]."""
    return torch.cat([offsets, -offsets], dim=1)[:, None, None, :]


def _of_targets(weights: Tensor) -> Tensor:
    """Weights [N, T, 2] to those of the groups, [N, T, 1, 4]."""
    return torch.cat([weights, weights], dim=2)[:, :, None, :]


def _matrix(taps: Tensor) -> Tensor:
    """Taps [N, T, T, 4] to a matrix [N, T * 4, T * 4] that mixes no groups."""
    num_clips, num_frames = taps.shape[:2]
    own_group = torch.eye(NUM_GROUPS, dtype=taps.dtype, device=taps.device)
    matrix = taps[:, :, None, :, :].transpose(2, 4) * own_group[:, None, :]
    return matrix.reshape(num_clips, num_frames * NUM_GROUPS, num_frames * NUM_GROUPS)


def _two_taps(offsets: Tensor, num_frames: int) -> Tensor:
    """Offsets [N, 1, 1, G] to the linear interpolation's taps [N, T, T, G], target frame first.

    Written with floor, so that at a whole offset the gradient is the right-hand derivative; the values are those
    of max(0, 1 - |t - o - s|).
    """
    frame = torch.arange(num_frames, device=offsets.device)
    distance = (frame[:, None] - frame[None, :])[None, :, :, None]
    whole = torch.floor(offsets.detach())
    fraction = offsets - whole
    return (distance == whole) * (1 - fraction) + (distance == whole + 1) * fraction

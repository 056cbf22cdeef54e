"""Temporal interlacing as Triton kernels: one forward and one backward, each in one pass over the features.

A frame's channels are split into slices as large as a group: the first four are the groups, the others are copied. A
program processes a block of one slice of one clip through all frames. Slices are the grid's fastest axis: where
channels lie last in memory, slices share sectors of memory, so their programs should run together. Only the result is
stored and nothing is copied before; each program writes its partial sums to its own element, and they are added
afterwards, so that the results are deterministic.

With the environment variable TRITON_INTERPRET=1 the same kernels run on the CPU, slowly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from training.model.interlace_ops import NUM_GROUPS, Backward

LARGEST_BLOCK = 1024
"""Maximum number of a frame's elements per program."""

GROUPS = tl.constexpr(NUM_GROUPS)

UNROLLED = tl.constexpr(8)
"""Frames of the loops that are unrolled, so that loads of several frames are under way at once."""


def interlace_fused(
    features: Tensor, offsets: Tensor, weights: Tensor, *, num_channels: int, backward: Backward
) -> Tensor:
    """Interlace float32, float16 or bfloat16 features on a GPU, with sums in float32.

    Args:
        features: [N * T, C, H, W].
        offsets: [N, 2], in frames.
        weights: [N, T, 2].
        num_channels: Number of channels to interlace, from the first on.
        backward: The gradient to the features.

    Returns:
        The interlaced features, with the shape and memory format of `features`.

    Raises:
        ValueError: The channels do not divide into slices as large as a group.
    """
    if num_channels % NUM_GROUPS or features.shape[1] % (num_channels // NUM_GROUPS):
        raise ValueError(
            f"cannot interlace the first {num_channels} of {features.shape[1]} channels in {NUM_GROUPS} groups"
        )
    order = _memory_order(features)
    dense = features.contiguous(memory_format=order)
    moved: Tensor = _Fused.apply(dense, offsets.float(), weights.float(), num_channels, backward, order)
    return moved


def _memory_order(features: Tensor) -> torch.memory_format:
    """Return the memory format of dense features; contiguous for others."""
    is_channels_last = features.is_contiguous(memory_format=torch.channels_last) and not features.is_contiguous()
    return torch.channels_last if is_channels_last else torch.contiguous_format


class _Fused(torch.autograd.Function):
    """Fused interlacing of dense features, with float32 offsets and weights; the result has the same memory format."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        offsets: Tensor,
        weights: Tensor,
        num_channels: int,
        backward: Backward,
        order: torch.memory_format,
    ) -> Tensor:
        grid = Grid.over(features, weights, num_channels, order)
        offsets, weights = offsets.contiguous(), weights.contiguous()
        ctx.save_for_backward(features, offsets, weights)
        ctx.grid, ctx.order, ctx.sign = grid, order, -1 if backward is Backward.MMCV else 1
        moved = torch.empty_like(features)
        with torch.cuda.device_of(features):
            _forward[grid.programs](features, offsets, weights, moved, *grid.sizes)
        return moved

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        features, offsets, weights = ctx.saved_tensors
        grid: Grid = ctx.grid
        upstream = upstream.contiguous(memory_format=ctx.order)
        gradient = torch.empty_like(features)
        of_offsets = offsets.new_empty(grid.num_clips, NUM_GROUPS, grid.num_blocks)
        of_weights = offsets.new_empty(grid.num_clips, grid.num_frames, NUM_GROUPS, grid.num_blocks)
        inputs = features, offsets, weights, upstream
        with torch.cuda.device_of(features):
            _backward[grid.programs](*inputs, gradient, of_offsets, of_weights, *grid.sizes, sign=ctx.sign)
        first, negated = of_offsets.sum(dim=-1).chunk(2, dim=-1)
        return gradient, first - negated, sum(of_weights.sum(dim=-1).chunk(2, dim=-1)), None, None, None


@dataclass(frozen=True)
class Grid:
    """Launch grid. A slice of a frame is `runs` times `run` elements that are contiguous in memory."""

    num_clips: int
    num_frames: int
    num_slices: int
    runs: int
    run: int

    @classmethod
    def over(cls, features: Tensor, weights: Tensor, num_channels: int, order: torch.memory_format) -> Grid:
        """Make the grid for dense features.

        Args:
            features: [N * T, C, H, W].
            weights: [N, T, 2].
            num_channels: Number of interlaced channels.
            order: The memory format of `features`.
        """
        channels, height, width = features.shape[1:]
        of_slice, area = num_channels // NUM_GROUPS, height * width
        runs, run = (1, of_slice * area) if order is torch.contiguous_format else (area, of_slice)
        return cls(weights.shape[0], weights.shape[1], channels // of_slice, runs, run)

    @property
    def size(self) -> int:
        """Elements of a slice in a frame."""
        return self.runs * self.run

    @property
    def block(self) -> int:
        """Elements per block, a power of two."""
        return min(LARGEST_BLOCK, int(triton.next_power_of_2(self.size)))

    @property
    def num_blocks(self) -> int:
        """Blocks per slice."""
        return -(-self.size // self.block)

    @property
    def programs(self) -> tuple[int, int, int]:
        """Numbers of slices, blocks and clips."""
        return self.num_slices, self.num_blocks, self.num_clips

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Size arguments of both kernels; all but the first are compiled in."""
        return self.runs, self.run, self.num_frames, self.block


@triton.jit
def _forward(
    features,
    offsets,
    weights,
    moved,
    runs,
    run: tl.constexpr,
    num_frames: tl.constexpr,
    block: tl.constexpr,
):
    """Compute the interlaced features, all of `moved`."""
    group, clip = tl.program_id(0), tl.program_id(2)
    place, inside, frame_size = _elements(runs, run, num_frames, block)
    whole, fraction = _shift(offsets, clip, group)
    before = _read(features + place, -1 - whole, num_frames, frame_size, inside)
    for frame in tl.range(num_frames, loop_unroll_factor=UNROLLED):
        now = _read(features + place, frame - whole, num_frames, frame_size, inside)
        weight = _weight(weights, clip, group, frame, num_frames)
        result = weight * ((1 - fraction) * now + fraction * before)
        tl.store(moved + place + frame * frame_size, result, mask=inside)
        before = now


@triton.jit
def _backward(
    features,
    offsets,
    weights,
    upstream,
    gradient,
    of_offsets,
    of_weights,
    runs,
    run: tl.constexpr,
    num_frames: tl.constexpr,
    block: tl.constexpr,
    sign: tl.constexpr,
):
    """Compute the gradient to the features, and each program's partial sums for offsets and weights.

    The gradient to a frame comes from the frames at distance whole and whole + 1 after it (`sign` 1, the adjoint) or
    before it (`sign` -1, MMCV).
    """
    group, clip = tl.program_id(0), tl.program_id(2)
    place, inside, frame_size = _elements(runs, run, num_frames, block)
    whole, fraction = _shift(offsets, clip, group)
    # A frame's neighbour on one side is the next frame's on the other, so it is read once and kept.
    ahead: tl.constexpr = 1 if sign > 0 else 0
    kept = _read(upstream + place, sign * whole + ahead - 1, num_frames, frame_size, inside)
    before = _read(features + place, -1 - whole, num_frames, frame_size, inside)
    slope = tl.zeros([block], tl.float32)
    for frame in tl.range(num_frames, loop_unroll_factor=UNROLLED):
        first, second = frame + sign * whole, frame + sign * (whole + 1)
        read = _read(upstream + place, frame + sign * whole + ahead, num_frames, frame_size, inside)
        near, far = (kept, read) if sign > 0 else (read, kept)
        of_near = (1 - fraction) * _weight(weights, clip, group, first, num_frames)
        of_far = fraction * _weight(weights, clip, group, second, num_frames)
        tl.store(gradient + place + frame * frame_size, of_near * near + of_far * far, mask=inside)
        kept = read
        if group < GROUPS:
            arrived = _read(upstream + place, frame, num_frames, frame_size, inside)
            now = _read(features + place, frame - whole, num_frames, frame_size, inside)
            slope += _weight(weights, clip, group, frame, num_frames) * (arrived * (before - now))
            share = ((clip * num_frames + frame) * GROUPS + group) * tl.num_programs(1) + tl.program_id(1)
            tl.store(of_weights + share, tl.sum(arrived * ((1 - fraction) * now + fraction * before)))
            before = now
    if group < GROUPS:
        tl.store(of_offsets + (clip * GROUPS + group) * tl.num_programs(1) + tl.program_id(1), tl.sum(slope))


@triton.jit
def _elements(runs, run: tl.constexpr, num_frames: tl.constexpr, block: tl.constexpr):
    """Return the program's element offsets in its clip's first frame, their mask, and a frame's size."""
    element = tl.program_id(1) * block + tl.arange(0, block)
    num_slices = tl.num_programs(0)
    in_frame = (element // run) * (run * num_slices) + tl.program_id(0) * run + element % run
    frame_size = runs * run * num_slices
    first_frame = tl.program_id(2).to(tl.int64) * num_frames * frame_size
    return first_frame + in_frame, element < runs * run, frame_size


@triton.jit
def _shift(offsets, clip, group):
    """Return floor and fraction of a group's offset; zero for slices that are copied."""
    offset = tl.load(offsets + clip * 2 + group % 2, mask=group < GROUPS, other=0.0)
    offset = tl.where(group < GROUPS // 2, offset, -offset)
    whole = tl.floor(offset)
    return whole.to(tl.int32), offset - whole


@triton.jit
def _weight(weights, clip, group, frame, num_frames: tl.constexpr):
    """Return a group's weight of a frame, which may lie outside the clip; 1 for slices that are copied."""
    is_there = (group < GROUPS) & (frame >= 0) & (frame < num_frames)
    return tl.load(weights + (clip * num_frames + frame) * 2 + group % 2, mask=is_there, other=1.0)


@triton.jit
def _read(first_frame, frame, num_frames: tl.constexpr, frame_size, inside):
    """Load a frame's elements as float32; zeros outside the clip."""
    is_there = inside & (frame >= 0) & (frame < num_frames)
    return tl.load(first_frame + frame * frame_size, mask=is_there, other=0.0).to(tl.float32)

"""Split network: TIN rewritten for inference, its residual stream as two tensors, the interlaced quarter and the rest.

In the plain network every block slices a feature map and concatenates it again. Here the convolutions before the
interlacing have two outputs (split by output channels) and the one after it has two inputs (split by input channels),
so that a runtime keeps its blocked memory layout throughout. Batch normalisation is folded into the convolutions. The
outputs equal those of `training.model.tin.TIN` up to rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils.fusion import fuse_conv_bn_eval

from clips.clip_spec import ClipSpec
from training.model.interlace import TemporalInterlace
from training.model.interlace_ops import NUM_GROUPS
from training.model.tin import TIN, Block, ConvNorm, Normalise


class Stream(NamedTuple):
    """A feature map [N * T, C, H, W] in two parts: the first quarter of its channels and the rest."""

    quarter: Tensor
    rest: Tensor


Move = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Interlacing: features [N * T, C, H, W], offsets [N, 2] and weights [N, T, 2] to features of the same shape."""


class SplitOutput(nn.Module):
    """A convolution whose output is a Stream."""

    def __init__(self, folded: nn.Conv2d) -> None:
        super().__init__()
        quarter = folded.out_channels // 4
        self.quarter = _part(folded, out=slice(None, quarter))
        self.rest = _part(folded, out=slice(quarter, None))

    def forward(self, features: Tensor) -> Stream:
        """[B, C, H, W] to a Stream of [B, C', H', W']."""
        return Stream(self.quarter(features), self.rest(features))


class SplitInput(nn.Module):
    """A convolution that takes a Stream."""

    def __init__(self, folded: nn.Conv2d) -> None:
        super().__init__()
        quarter = folded.in_channels // 4
        self.quarter = _part(folded, inputs=slice(None, quarter))
        self.rest = _part(folded, inputs=slice(quarter, None), with_bias=False)

    def forward(self, stream: Stream) -> Tensor:
        """A Stream of [B, C, H, W] to [B, C', H', W']."""
        result: Tensor = self.quarter(stream.quarter) + self.rest(stream.rest)
        return result


class SplitBlock(nn.Module):
    """A residual block from Stream to Stream, which also returns its offsets and weights.

    Raises ValueError for a block that does not interlace.
    """

    def __init__(self, block: Block, move: Move, precision: torch.dtype) -> None:
        super().__init__()
        if not isinstance(block.interlace, TemporalInterlace):
            raise ValueError("a block without interlacing cannot be split")
        first, *middle, last = [_folded(conv).to(precision) for conv in block.convs]
        self.move = move
        self.interlace = copy.deepcopy(block.interlace)
        self.first = SplitInput(first)
        self.middle = nn.ModuleList(middle)
        self.last = SplitOutput(last)
        self.shortcut = None if block.shortcut is None else SplitOutput(_folded(block.shortcut).to(precision))

    def forward(self, stream: Stream) -> tuple[Stream, Tensor, Tensor]:
        """Return the next Stream, offsets [N, 2] in frames and weights [N, T, 2]."""
        pooled = self.interlace.pool(stream.quarter)
        offsets, weights = self.interlace.plan_pooled(pooled.to(self.interlace.offset_net.fc1.weight.dtype))
        moved = self.move(stream.quarter, offsets, weights)
        branch = relu(self.first(Stream(moved, stream.rest)))
        for conv in self.middle:
            branch = relu(conv(branch))
        kept = stream if self.shortcut is None else self.shortcut(torch.cat(stream, dim=1))
        added = self.last(branch)
        return Stream(relu(added.quarter + kept.quarter), relu(added.rest + kept.rest)), offsets, weights


class SplitTIN(nn.Module):
    """The network of an exported graph: uint8 clips to logits, offsets and weights.

    Args:
        model: the trained network, in evaluation mode.
        spec: its ClipSpec, by which clips are normalised.
        move: the interlacing; `interlace_by_hat` by default.
        precision: type of the convolutions; the model's own by default. Offsets, weights and the head are computed in
            the model's own type in any case.

    Raises ValueError for a network that does not interlace.
    """

    def __init__(
        self, model: TIN, spec: ClipSpec, move: Move | None = None, precision: torch.dtype | None = None
    ) -> None:
        super().__init__()
        precision = precision or model.head.weight.dtype
        self.normalise = Normalise(spec)
        self.num_frames = spec.num_frames
        self.precision = precision
        self.stem = SplitOutput(_folded(model.stem).to(precision))
        self.pool = model.pool
        self.blocks = nn.ModuleList(SplitBlock(block, move or interlace_by_hat, precision) for block in model.blocks)
        self.head = model.head

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 [N, T, H, W, 3] to logits [N, K], offsets [N, B, 2] and weights [N, B, T, 2], for B blocks."""
        return self.infer(self.normalise(clips))

    def infer(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised frames, float [N, T, 3, H, W], to the outputs of `forward`."""
        stem = self.stem(frames.flatten(0, 1).to(self.precision))
        stream = Stream(self.pool(relu(stem.quarter)), self.pool(relu(stem.rest)))
        all_offsets, all_weights = [], []
        for block in self.blocks:
            stream, offsets, weights = block(stream)
            all_offsets.append(offsets)
            all_weights.append(weights)
        pooled = torch.cat([part.mean(dim=(2, 3)) for part in stream], dim=1).to(self.head.weight.dtype)
        logits = self.head(pooled).reshape(-1, self.num_frames, self.head.out_features).mean(dim=1)
        return logits, torch.stack(all_offsets, dim=1), torch.stack(all_weights, dim=1)


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


def _folded(conv: nn.Module) -> nn.Conv2d:
    assert isinstance(conv, ConvNorm)
    return fuse_conv_bn_eval(conv.conv, conv.norm)


def _part(
    conv: nn.Conv2d, *, out: slice = slice(None), inputs: slice = slice(None), with_bias: bool = True
) -> nn.Conv2d:
    # The two parts of a split by input channels are added up, so that only one of them has the bias.
    part = copy.deepcopy(conv)
    part.weight = nn.Parameter(conv.weight.detach()[out, inputs].clone())
    part.out_channels, part.in_channels = part.weight.shape[:2]
    assert conv.bias is not None
    part.bias = nn.Parameter(conv.bias.detach()[out].clone()) if with_bias else None
    return part

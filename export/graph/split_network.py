"""Split network: the network rewritten for inference, its residual stream in two parts, the moving one and the rest.

In the plain network every block slices a feature map and concatenates it again. Here the convolutions before the
temporal module have two outputs (split by output channels) and the one after it has two inputs (split by input
channels), so that a runtime keeps its blocked memory layout throughout. Batch normalisation is folded into the
convolutions. The outputs equal those of `training.model.tin.TIN` up to rounding.
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
from service.backends.contract import OUTPUTS
from training.model.interlace import TemporalInterlace
from training.model.interlace_ops import NUM_GROUPS
from training.model.temporal_shift import TemporalShift, shift_halves
from training.model.tin import TIN, Block, ConvNorm, Normalise, TemporalModule


class Stream(NamedTuple):
    """A feature map [N * T, C, H, W] in two parts: the first quarter of its channels and the rest."""

    quarter: Tensor
    rest: Tensor


Move = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Interlacing: features [N * T, C, H, W], offsets [N, 2] and weights [N, T, 2] to features of the same shape."""

Learned = tuple[Tensor, ...]
"""Offsets [N, 2] in frames and weights [N, T, 2] of a block that interlaces; empty for other blocks."""


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


class Interlacing(nn.Module):
    """The interlacing of a block's quarter (TIN)."""

    def __init__(self, interlace: TemporalInterlace, move: Move) -> None:
        super().__init__()
        self.interlace = copy.deepcopy(interlace)
        self.move = move

    def forward(self, quarter: Tensor) -> tuple[Tensor, Learned]:
        """[N * T, C / 4, H, W] to the moved channels, offsets [N, 2] and weights [N, T, 2]."""
        pooled = self.interlace.pool(quarter)
        offsets, weights = self.interlace.plan_pooled(pooled.to(self.interlace.offset_net.fc1.weight.dtype))
        return self.move(quarter, offsets, weights), (offsets, weights)


class Shifting(nn.Module):
    """The shift of a block's quarter (TSM): its first half one frame back, the second half one frame on."""

    def __init__(self, num_frames: int) -> None:
        super().__init__()
        self.num_frames = num_frames

    def forward(self, quarter: Tensor) -> tuple[Tensor, Learned]:
        """[N * T, C / 4, H, W] to the shifted channels."""
        return shift_halves(quarter, self.num_frames), ()


class Unmoved(nn.Module):
    """A block's quarter as it is: a block without a temporal module (TSN, every second block of TSM at depth 101)."""

    def forward(self, quarter: Tensor) -> tuple[Tensor, Learned]:
        """Return the features [N * T, C / 4, H, W] themselves."""
        return quarter, ()


class SplitBlock(nn.Module):
    """A residual block from Stream to Stream, which also returns what its interlacing learned for the clips."""

    def __init__(self, block: Block, move: Move, precision: torch.dtype) -> None:
        super().__init__()
        first, *middle, last = [_folded(conv).to(precision) for conv in block.convs]
        self.temporal = _temporal(block.interlace, move)
        self.first = SplitInput(first)
        self.middle = nn.ModuleList(middle)
        self.last = SplitOutput(last)
        self.shortcut = None if block.shortcut is None else SplitOutput(_folded(block.shortcut).to(precision))

    def forward(self, stream: Stream) -> tuple[Stream, Learned]:
        """Return the next Stream, and offsets [N, 2] in frames and weights [N, T, 2] if the block interlaces."""
        moved, learned = self.temporal(stream.quarter)
        branch = relu(self.first(Stream(moved, stream.rest)))
        for conv in self.middle:
            branch = relu(conv(branch))
        kept = stream if self.shortcut is None else self.shortcut(torch.cat(stream, dim=1))
        added = self.last(branch)
        return Stream(relu(added.quarter + kept.quarter), relu(added.rest + kept.rest)), learned


class SplitNetwork(nn.Module):
    """The network of an exported graph: uint8 clips to the outputs of `service.backends.contract`.

    Args:
        model: the trained network, in evaluation mode.
        spec: its ClipSpec, by which clips are normalised.
        move: the interlacing; `interlace_by_hat` by default.
        precision: type of the convolutions; the model's own by default. Offsets, weights, features and the head are
            computed in the model's own type in any case.
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

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """Map uint8 [N, T, H, W, 3] to logits [N, K], features [N, D] and what the B blocks learned, if they interlace.

        Offsets are [N, B, 2], weights [N, B, T, 2].
        """
        return self.infer(self.normalise(clips))

    def infer(self, frames: Tensor) -> dict[str, Tensor]:
        """Map normalised frames, float [N, T, 3, H, W], to the outputs of `forward`."""
        stem = self.stem(frames.flatten(0, 1).to(self.precision))
        stream = Stream(self.pool(relu(stem.quarter)), self.pool(relu(stem.rest)))
        learned = []
        for block in self.blocks:
            stream, of_block = block(stream)
            learned.append(of_block)
        pooled = torch.cat([part.mean(dim=(2, 3)) for part in stream], dim=1).to(self.head.weight.dtype)
        features = pooled.reshape(-1, self.num_frames, self.head.in_features).mean(dim=1)
        stacked = [torch.stack(each, dim=1) for each in zip(*learned, strict=True)]
        return dict(zip(OUTPUTS, [self.head(features), features, *stacked], strict=False))


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


def _temporal(module: TemporalModule | None, move: Move) -> nn.Module:
    match module:
        case TemporalInterlace():
            return Interlacing(module, move)
        case TemporalShift():
            return Shifting(module.num_frames)
        case None:
            return Unmoved()


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

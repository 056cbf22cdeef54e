"""Split network: the network rewritten for inference, its residual stream in two parts, the moving one and the rest.

In the plain network every block slices a feature map and concatenates it again. Here the convolutions before the
temporal module have two outputs (split by output channels) and the one after it has two inputs (split by input
channels), so that a runtime keeps its blocked memory layout throughout. Feature maps of few channels stay whole: the
parts of their convolutions would fill no blocks. Batch normalisation is folded into the convolutions. The outputs equal
those of `training.model.tin.TIN` up to rounding.
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
from export.graph.interlacing import Interlacer, Interlacing, Learned
from service.backends.contract import OUTPUTS
from training.model.interlace import TemporalInterlace
from training.model.temporal_shift import TemporalShift, shift_halves
from training.model.tin import TIN, Block, ConvNorm, Normalise, TemporalModule

LEAST_SPLIT = 64
"""Channels from which on a feature map is split: its quarter then fills a block of 16, the largest of ONNX Runtime."""


class Stream(NamedTuple):
    """A feature map [N * T, C, H, W] in two parts: the first quarter of its channels and the rest."""

    quarter: Tensor
    rest: Tensor


Features = Stream | Tensor
"""A feature map [N * T, C, H, W]: split from LEAST_SPLIT channels on, else whole."""


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


class JoinedInput(nn.Module):
    """A convolution of few input channels that takes a Stream."""

    def __init__(self, folded: nn.Conv2d) -> None:
        super().__init__()
        self.conv = folded

    def forward(self, stream: Stream) -> Tensor:
        """A Stream of [B, C, H, W] to [B, C', H', W']."""
        result: Tensor = self.conv(torch.cat(stream, dim=1))
        return result


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
    """A residual block, which also returns what its interlacing learned for the clips."""

    def __init__(self, block: Block, interlacer: Interlacer, precision: torch.dtype) -> None:
        super().__init__()
        first, *middle, last = [_folded(conv).to(precision) for conv in block.convs]
        self.temporal = _temporal(block.interlace, interlacer)
        self.first = SplitInput(first) if first.in_channels >= LEAST_SPLIT else JoinedInput(first)
        self.middle = nn.ModuleList(middle)
        self.last = _output(last)
        self.shortcut = None if block.shortcut is None else _output(_folded(block.shortcut).to(precision))

    def forward(self, features: Features) -> tuple[Features, Learned]:
        """Return the next features, and offsets [N, 2] in frames and weights [N, T, 2] if the block interlaces."""
        stream = _split(features)
        moved, learned = self.temporal(stream.quarter)
        branch = relu(self.first(Stream(moved, stream.rest)))
        for conv in self.middle:
            branch = relu(conv(branch))
        kept = features if self.shortcut is None else self.shortcut(_joined(features))
        return _each(lambda added, kept: relu(added + kept), self.last(branch), kept), learned


class SplitNetwork(nn.Module):
    """The network of an exported graph: uint8 clips to the outputs of `service.backends.contract`.

    Args:
        model: the trained network, in evaluation mode.
        spec: its ClipSpec, by which clips are normalised.
        interlacer: the operators of interlacing; the standard ones by default.
        precision: type of the convolutions; the model's own by default. Offsets, weights, features and the head are
            computed in the model's own type in any case.
    """

    def __init__(
        self,
        model: TIN,
        spec: ClipSpec,
        interlacer: Interlacer = Interlacer(),  # noqa: B008 - immutable
        precision: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        precision = precision or model.head.weight.dtype
        self.normalise = Normalise(spec)
        self.num_frames = spec.num_frames
        self.precision = precision
        self.stem = _output(_folded(model.stem).to(precision))
        self.pool = model.pool
        self.blocks = nn.ModuleList(SplitBlock(block, interlacer, precision) for block in model.blocks)
        self.head = model.head

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """Map uint8 [N, T, H, W, 3] to logits [N, K], features [N, D] and what the B blocks learned, if they interlace.

        Offsets are [N, B, 2], weights [N, B, T, 2].
        """
        return self.infer(self.normalise(clips))

    def infer(self, frames: Tensor) -> dict[str, Tensor]:
        """Map normalised frames, float [N, T, 3, H, W], to the outputs of `forward`."""
        stem = self.stem(frames.flatten(0, 1).to(self.precision))
        feature_map = _each(lambda part: self.pool(relu(part)), stem)
        learned = []
        for block in self.blocks:
            feature_map, of_block = block(feature_map)
            learned.append(of_block)
        pooled = _joined(_each(lambda part: part.mean(dim=(2, 3)), feature_map)).to(self.head.weight.dtype)
        features = pooled.reshape(-1, self.num_frames, self.head.in_features).mean(dim=1)
        stacked = [torch.stack(each, dim=1) for each in zip(*learned, strict=True)]
        return dict(zip(OUTPUTS, [self.head(features), features, *stacked], strict=False))


def _split(features: Features) -> Stream:
    if isinstance(features, Stream):
        return features
    return Stream(*features.tensor_split([features.shape[1] // 4], dim=1))


def _joined(features: Features) -> Tensor:
    return torch.cat(features, dim=1) if isinstance(features, Stream) else features


def _each(function: Callable[..., Tensor], *features: Features) -> Features:
    """Return the function of feature maps that are all whole, or of each part of feature maps that are all split."""
    if isinstance(features[0], Stream):
        return Stream(*map(function, *features))
    return function(*features)


def _output(folded: nn.Conv2d) -> nn.Module:
    return SplitOutput(folded) if folded.out_channels >= LEAST_SPLIT else folded


def _temporal(module: TemporalModule | None, interlacer: Interlacer) -> nn.Module:
    match module:
        case TemporalInterlace():
            return Interlacing(module, interlacer)
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

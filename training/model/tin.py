"""TIN, TSM and TSN: a 2D ResNet over the frames of a clip, with a temporal module at the start of each block.

The 18- and 34-layer networks use basic blocks, deeper ones bottlenecks; `width` scales every channel count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from clips.clip_spec import ClipSpec
from training.model.interlace import TemporalInterlace
from training.model.temporal_shift import TemporalShift

BLOCKS_OF_DEPTH = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
BOTTLENECK_DEPTHS = (50, 101)

TemporalModule = TemporalInterlace | TemporalShift
"""A module that exchanges information between frames, at the start of a residual branch."""


class Temporal(StrEnum):
    """The temporal module of every block."""

    TIN = "tin"
    """Temporal interlacing, by learned offsets."""
    TSM = "tsm"
    """Fixed shifts of one frame, in every block; in every second one at depth 101, as published."""
    NONE = "none"
    """None: the logits of single frames are averaged (TSN)."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The configuration that decides the shapes of the network's tensors.

    `str()` gives a summary such as "tin, 50 layers, 8 frames, 174 classes". Raises ValueError for values that cannot be
    built.
    """

    num_classes: int
    depth: int = 50
    width: float = 1.0
    num_frames: int = 8
    temporal: Temporal = Temporal.TIN

    def __post_init__(self) -> None:
        object.__setattr__(self, "temporal", Temporal(self.temporal))
        if self.depth not in BLOCKS_OF_DEPTH:
            raise ValueError(f"depth must be one of {sorted(BLOCKS_OF_DEPTH)}, not {self.depth}")
        if self.num_classes < 1 or self.num_frames < 1:
            raise ValueError("num_classes and num_frames must be at least 1")
        if self.stem_channels < 16 or self.stem_channels % 16:
            raise ValueError(f"width {self.width} gives {self.stem_channels} channels; they must be a multiple of 16")

    @property
    def stem_channels(self) -> int:
        """Channels after the first convolution; stage k has this many times 2**k, before expansion."""
        return round(64 * self.width)

    def __str__(self) -> str:
        size = f"{self.depth} layers, {self.num_frames} frames, {self.num_classes} classes"
        return f"{self.temporal}, {size}"

    def to_json(self) -> dict[str, Any]:
        """Return the architecture as plain JSON types."""
        return asdict(self)


class ConvNorm(nn.Module):
    """Convolution without bias, then batch normalisation."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, features: Tensor) -> Tensor:
        """Map [B, C, H, W] to [B, C', H', W']."""
        normalised: Tensor = self.norm(self.conv(features))
        return normalised


class Block(nn.Module):
    """Residual block; its branch may start with a temporal module. Subclasses give `convs` and `expansion`."""

    expansion: int

    def __init__(self, convs: list[ConvNorm], interlace: TemporalModule | None, shortcut: ConvNorm | None) -> None:
        super().__init__()
        self.interlace = interlace
        self.convs = nn.ModuleList(convs)
        self.shortcut = shortcut

    def forward(self, features: Tensor) -> Tensor:
        """Map [N * T, C, H, W] to [N * T, C', H', W']."""
        branch = features if self.interlace is None else self.interlace(features)
        for conv in self.convs[:-1]:
            branch = torch.relu(conv(branch))
        kept = features if self.shortcut is None else self.shortcut(features)
        return torch.relu(self.convs[-1](branch) + kept)


class BasicBlock(Block):
    """Two 3x3 convolutions (ResNet-18 and -34)."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int, interlace: TemporalModule | None) -> None:
        convs = [ConvNorm(channels_in, channels, 3, stride), ConvNorm(channels, channels, 3)]
        super().__init__(convs, interlace, _shortcut(channels_in, channels, stride))


class Bottleneck(Block):
    """1x1, 3x3 with the stride, 1x1 (ResNet-50 and -101, "pytorch" style)."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int, interlace: TemporalModule | None) -> None:
        channels_out = channels * self.expansion
        convs = [
            ConvNorm(channels_in, channels, 1),
            ConvNorm(channels, channels, 3, stride),
            ConvNorm(channels, channels_out, 1),
        ]
        super().__init__(convs, interlace, _shortcut(channels_in, channels_out, stride))


def _shortcut(channels_in: int, channels_out: int, stride: int) -> ConvNorm | None:
    return None if (channels_in, stride) == (channels_out, 1) else ConvNorm(channels_in, channels_out, 1, stride)


class TIN(nn.Module):
    """The network: stem, four stages of residual blocks, linear head; a clip's logits are the mean of its frames'.

        model = TIN(Architecture(num_classes=174))
        logits = model(frames)  # float [N, T, 3, H, W] to float [N, 174]

    MMAction2: `ResNetTIN`, `ResNetTSM` or `ResNet` with `TSMHead`.
    """

    def __init__(self, architecture: Architecture, dropout: float = 0.0) -> None:
        super().__init__()
        self.architecture = architecture
        channels = architecture.stem_channels
        self.stem = ConvNorm(3, channels, 7, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = nn.ModuleList(nn.Sequential(*blocks) for blocks in _stages(architecture))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels * 8 * _block_kind(architecture).expansion, architecture.num_classes)
        self._initialise()

    def forward(self, frames: Tensor) -> Tensor:
        """Map normalised frames, float [N, T, 3, H, W], to logits, float [N, K]."""
        features = self.pool(torch.relu(self.stem(frames.flatten(0, 1))))
        for stage in self.stages:
            features = stage(features)
        pooled = self.dropout(features.mean(dim=(2, 3)))
        logits: Tensor = self.head(pooled)
        return logits.reshape(*frames.shape[:2], -1).mean(dim=1)

    @property
    def blocks(self) -> Iterator[Block]:
        """All blocks, from the input on."""
        for stage in self.stages:
            assert isinstance(stage, nn.Sequential)
            for block in stage:
                assert isinstance(block, Block)
                yield block

    @property
    def interlaces(self) -> list[TemporalInterlace]:
        """All interlacing modules, from the input on; empty without `Temporal.TIN`."""
        return [block.interlace for block in self.blocks if isinstance(block.interlace, TemporalInterlace)]

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.head.weight, std=0.001)
        nn.init.zeros_(self.head.bias)


class Normalise(nn.Module):
    """Normalisation of uint8 clips by a ClipSpec's mean and standard deviation."""

    mean: Tensor
    std: Tensor

    def __init__(self, spec: ClipSpec) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(spec.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(spec.std)[:, None, None], persistent=False)

    def forward(self, clips: Tensor) -> Tensor:
        """Map uint8 [N, T, H, W, 3] to float32 [N, T, 3, H, W]."""
        # Channels first, while they are bytes: ONNX Runtime broadcasts along the last of three channels slowly.
        return (clips.movedim(-1, -3).to(self.mean.dtype) - self.mean) / self.std


def _block_kind(architecture: Architecture) -> type[BasicBlock] | type[Bottleneck]:
    return Bottleneck if architecture.depth in BOTTLENECK_DEPTHS else BasicBlock


def _stages(architecture: Architecture) -> Iterator[list[Block]]:
    kind = _block_kind(architecture)
    channels_in = architecture.stem_channels
    for stage, num_blocks in enumerate(BLOCKS_OF_DEPTH[architecture.depth]):
        channels = architecture.stem_channels * 2**stage
        blocks: list[Block] = []
        for index in range(num_blocks):
            stride = 2 if stage and not index else 1
            blocks.append(kind(channels_in, channels, stride, _temporal_module(architecture, channels_in, index)))
            channels_in = channels * kind.expansion
        yield blocks


def _temporal_module(architecture: Architecture, channels: int, index: int) -> TemporalModule | None:
    """Make the temporal module of the block at `index` of its stage, if it has one."""
    if architecture.temporal is Temporal.TIN:
        return TemporalInterlace(channels, architecture.num_frames)
    if architecture.temporal is Temporal.TSM and not (architecture.depth == 101 and index % 2):
        return TemporalShift(architecture.num_frames)
    return None

"""Which kernel of `interlace.cu` takes a tensor, and how it is launched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from training.model.interlace_ops import NUM_GROUPS

THREADS = 128
"""Threads per block."""

VECTOR_BYTES = 16
"""The most that one thread reads at once."""

PARAMETERS = ("features", "offsets", "weights", "frame_size", "run", "output")
"""Every kernel's parameters, as TensorRT passes them: inputs, scalars, outputs."""

SCALARS = ("frame_size", "run")
"""Those that are int32; the others are pointers."""


class Precision(StrEnum):
    """The type of the features; offsets and weights are always float32."""

    FP32 = "fp32"
    FP16 = "fp16"

    @property
    def num_bytes(self) -> int:
        """Bytes per element."""
        return 4 if self is Precision.FP32 else 2


class Layout(StrEnum):
    """How a tensor [N * T, C, H, W] lies in memory; the names are those of TensorRT's `TensorFormat`."""

    LINEAR = "LINEAR"
    """Row-major."""
    HWC8 = "HWC8"
    """Channels last, padded to a multiple of 8; taken only where 8 divides the channels, so that nothing is padded."""


@dataclass(frozen=True)
class Launch:
    """A kernel for frames of one shape; the grid is `blocks` x N blocks of THREADS threads.

    `frame_size` counts a frame's elements, `run` those of one group that lie side by side, `width` those that a
    thread takes at once.
    """

    precision: Precision
    frame_size: int
    run: int
    width: int

    @property
    def kernel(self) -> str:
        """The entry point's name in the PTX."""
        return f"interlace_{self.precision}_x{self.width}"

    @property
    def blocks(self) -> int:
        """Blocks per clip."""
        return -(-self.frame_size // (self.width * THREADS))


def plan_launch(shape: Sequence[int], precision: Precision, layout: Layout) -> Launch:
    """The launch for features [N * T, C, H, W] of `shape` C, H and W.

    Raises ValueError when the channels do not divide into the groups, or a dimension is not known (TensorRT says -1).
    """
    channels, height, width = shape
    if min(shape) < 1 or channels % NUM_GROUPS:
        raise ValueError(
            f"cannot interlace {channels} x {height} x {width}: sizes must be known, and 4 divide channels"
        )
    if layout is Layout.HWC8 and channels % 8:
        raise ValueError(f"{channels} channels are padded in HWC8; use LINEAR")
    of_group = channels // NUM_GROUPS
    run = of_group if layout is Layout.HWC8 else of_group * height * width
    return Launch(precision, channels * height * width, run, _vector_width(run, precision))


def _vector_width(run: int, precision: Precision) -> int:
    width = VECTOR_BYTES // precision.num_bytes
    while run % width:
        width //= 2
    return width

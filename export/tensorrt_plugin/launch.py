"""Launch of the kernels of `interlace.cu`: the kernel for a tensor, its grid and its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from export.precision import Precision
from training.model.interlace_ops import NUM_GROUPS

THREADS = 128
"""Threads per block."""

VECTOR_BYTES = 16
"""Largest access of one thread."""

PARAMETERS = ("features", "offsets", "weights", "frame_size", "run", "output")
"""Parameters of every kernel, in TensorRT's order: inputs, scalars, outputs."""

SCALARS = ("frame_size", "run")
"""The parameters that are int32; the others are pointers."""


class Layout(StrEnum):
    """Memory layout of a tensor [N * T, C, H, W], named as in TensorRT's `TensorFormat`."""

    LINEAR = "LINEAR"
    """Row-major."""
    HWC8 = "HWC8"
    """Channels last, padded to a multiple of 8; used only if 8 divides the channels, so that nothing is padded."""


@dataclass(frozen=True)
class Launch:
    """A kernel and its arguments for frames of one shape; the grid is `blocks` x N blocks of THREADS threads.

    `frame_size` is the number of elements of a frame, `run` of adjacent elements of one group, `width` of elements per
    access of a thread.
    """

    precision: Precision
    frame_size: int
    run: int
    width: int

    @property
    def kernel(self) -> str:
        """Name of the entry point in the PTX."""
        return f"interlace_{self.precision}_x{self.width}"

    @property
    def blocks(self) -> int:
        """Blocks per clip."""
        return -(-self.frame_size // (self.width * THREADS))


def plan_launch(shape: Sequence[int], precision: Precision, layout: Layout) -> Launch:
    """Return the launch for features [N * T, C, H, W] of `shape` C, H and W.

    Raises ValueError unless C is a multiple of the groups (of 8 in HWC8) and all sizes are known (unknown ones are -1).
    """
    channels, height, width = shape
    if min(shape) < 1 or channels % NUM_GROUPS:
        raise ValueError(
            f"cannot interlace {channels} x {height} x {width}: sizes must be known and channels a multiple of 4"
        )
    if layout is Layout.HWC8 and channels % 8:
        raise ValueError(f"HWC8 pads {channels} channels; use LINEAR")
    of_group = channels // NUM_GROUPS
    run = of_group if layout is Layout.HWC8 else of_group * height * width
    return Launch(precision, channels * height * width, run, _vector_width(run, precision))


def _vector_width(run: int, precision: Precision) -> int:
    width = VECTOR_BYTES // precision.num_bytes
    while run % width:
        width //= 2
    return width

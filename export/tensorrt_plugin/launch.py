"""Launch of the kernels of `interlace.cu` and `plan.cu`: the kernel for a tensor, its grid and its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from export.precision import Precision
from training.model.interlace_ops import NUM_GROUPS

THREADS = 128
"""Threads per block of interlacing."""

VECTOR_BYTES = 16
"""Largest access of one thread."""

PARAMETERS = ("features", "offsets", "weights", "frame_size", "run", "output")
"""Parameters of every kernel of `interlace.cu`, in TensorRT's order: inputs, scalars, outputs."""

LAYERS = (
    "offset_net.conv.weight",
    "offset_net.conv.bias",
    "offset_net.fc1.weight",
    "offset_net.fc1.bias",
    "offset_net.fc2.weight",
    "offset_net.fc2.bias",
    "weight_net.conv.weight",
    "weight_net.conv.bias",
)
"""Parameters of `training.model.interlace.TemporalInterlace`, in the order in which kernel and node take them."""

PLAN_PARAMETERS = ("pooled", *LAYERS, "channels", "offsets", "weights")
"""Parameters of every kernel of `plan.cu`."""

SCALARS = ("frame_size", "run", "channels")
"""The parameters that are int32; the others are pointers."""

MOST_PLANNED_FRAMES = 63
"""Frames of a clip above which the sums of `plan.cu` do not fit into a block's shared memory."""


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


def interlace_launch(shape: Sequence[int], precision: Precision, layout: Layout) -> Launch:
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


@dataclass(frozen=True)
class PlanLaunch:
    """A kernel of `plan.cu` for clips of `num_frames`; the grid is N blocks."""

    precision: Precision
    num_frames: int

    @property
    def kernel(self) -> str:
        """Name of the entry point in the PTX."""
        return f"plan_{self.precision}"

    @property
    def threads(self) -> int:
        """Threads per block, as `plan.cu` has them."""
        return 128 if self.num_frames <= 31 else 64


def _vector_width(run: int, precision: Precision) -> int:
    width = VECTOR_BYTES // precision.num_bytes
    while run % width:
        width //= 2
    return width

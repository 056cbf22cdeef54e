"""Ahead-of-time TensorRT plugin `tin::TemporalInterlace`: output, formats and launch of `interlace.cu`."""

# TensorRT reads the annotations, so there is no `from __future__ import annotations` here.

from typing import Any

import tensorrt as trt
import tensorrt.plugin as trtp

from export.precision import Precision
from export.tensorrt_plugin.compile import INTERLACE, compile_ptx
from export.tensorrt_plugin.launch import THREADS, Launch, Layout, interlace_launch


def describe(
    features: trtp.TensorDesc, offsets: trtp.TensorDesc, weights: trtp.TensorDesc, num_frames: int
) -> trtp.TensorDesc:
    """Describe the output, which has the shape and type of the features.

    Args:
        features: float32 or float16 [N * T, C, H, W].
        offsets: float32 [N, 2], in frames.
        weights: float32 [N, T, 2].
        num_frames: T.
    """
    return features.like()


def offer_formats(
    features: trtp.TensorDesc,
    offsets: trtp.TensorDesc,
    weights: trtp.TensorDesc,
    outputs: tuple[trtp.TensorDesc],
) -> list[trtp.AutoTuneCombination]:
    """Return the formats for TensorRT to time: LINEAR for both types, and HWC8 for fp16 where it needs no padding.

    Args:
        features: [N * T, C, H, W].
        offsets: [N, 2].
        weights: [N, T, 2].
        outputs: one tensor like the features.
    """
    offers = [trtp.AutoTuneCombination("FP32|FP16, FP32, FP32, FP32|FP16", "LINEAR")]
    if features.shape[1] % 8 == 0:
        offers.append(trtp.AutoTuneCombination("FP16, FP32, FP32, FP16", "HWC8, LINEAR, LINEAR, HWC8"))
    return offers


def implement(
    features: trtp.TensorDesc,
    offsets: trtp.TensorDesc,
    weights: trtp.TensorDesc,
    num_frames: int,
    outputs: tuple[trtp.TensorDesc],
    tactic: int,
) -> tuple[str | bytes, str | bytes, trtp.KernelLaunchParams, trtp.SymIntExprs]:
    """Return the kernel's name, its PTX, its launch and its scalar arguments.

    Args:
        features: [N * T, C, H, W], of known C, H and W.
        offsets: [N, 2].
        weights: [N, T, 2].
        num_frames: T.
        outputs: one tensor like the features.
        tactic: not used; the kernel has a single one.

    Raises CompilationFailed, and ValueError for shapes that cannot be interlaced.
    """
    launch = _launch_for(features)
    grid = trtp.KernelLaunchParams(grid_x=launch.blocks, block_x=THREADS)
    grid.grid_y = features.shape_expr[0] // num_frames
    scalars = trtp.SymIntExprs.from_tuple([trtp.SymInt32(launch.frame_size), trtp.SymInt32(launch.run)])
    return launch.kernel, compile_ptx(INTERLACE, num_frames), grid, scalars


def _launch_for(features: Any) -> Launch:
    precision = Precision.FP16 if features.dtype == trt.float16 else Precision.FP32
    return interlace_launch(list(features.shape)[1:], precision, Layout(features.format.name))

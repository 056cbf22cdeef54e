"""Ahead-of-time TensorRT plugin `tin::InterlacePlan`: outputs, format and launch of `plan.cu`."""

# TensorRT reads the annotations, so there is no `from __future__ import annotations` here.

import tensorrt as trt
import tensorrt.plugin as trtp

from export.precision import Precision
from export.tensorrt_plugin.compile import PLAN, compile_ptx
from export.tensorrt_plugin.launch import LAYERS, PlanLaunch


def describe(
    pooled: trtp.TensorDesc,
    offset_taps: trtp.TensorDesc,
    offset_bias: trtp.TensorDesc,
    fc1_weight: trtp.TensorDesc,
    fc1_bias: trtp.TensorDesc,
    fc2_weight: trtp.TensorDesc,
    fc2_bias: trtp.TensorDesc,
    weight_taps: trtp.TensorDesc,
    weight_bias: trtp.TensorDesc,
    num_frames: int,
) -> tuple[trtp.TensorDesc, trtp.TensorDesc]:
    """Describe the outputs: float32 offsets [N, 2] and weights [N, T, 2].

    Args:
        pooled: float32 or float16 [N * T, C].
        offset_taps: float32 [1, C, 3].
        offset_bias: float32 [1].
        fc1_weight: float32 [T, T].
        fc1_bias: float32 [T].
        fc2_weight: float32 [2, T].
        fc2_bias: float32 [2].
        weight_taps: float32 [2, C, 3].
        weight_bias: float32 [2].
        num_frames: T.
    """
    num_clips = pooled.shape_expr[0] // num_frames
    offsets = trtp.from_shape_expr((num_clips, 2), trt.float32)
    return offsets, trtp.from_shape_expr((num_clips, num_frames, 2), trt.float32)


def offer_formats(
    pooled: trtp.TensorDesc,
    offset_taps: trtp.TensorDesc,
    offset_bias: trtp.TensorDesc,
    fc1_weight: trtp.TensorDesc,
    fc1_bias: trtp.TensorDesc,
    fc2_weight: trtp.TensorDesc,
    fc2_bias: trtp.TensorDesc,
    weight_taps: trtp.TensorDesc,
    weight_bias: trtp.TensorDesc,
    outputs: tuple[trtp.TensorDesc, trtp.TensorDesc],
) -> list[trtp.AutoTuneCombination]:
    """Return the only format, LINEAR, with pooled features of both types. The arguments are those of `describe`."""
    types = ["FP32|FP16", *["FP32"] * (len(LAYERS) + 2)]
    return [trtp.AutoTuneCombination(", ".join(types), "LINEAR")]


def implement(
    pooled: trtp.TensorDesc,
    offset_taps: trtp.TensorDesc,
    offset_bias: trtp.TensorDesc,
    fc1_weight: trtp.TensorDesc,
    fc1_bias: trtp.TensorDesc,
    fc2_weight: trtp.TensorDesc,
    fc2_bias: trtp.TensorDesc,
    weight_taps: trtp.TensorDesc,
    weight_bias: trtp.TensorDesc,
    num_frames: int,
    outputs: tuple[trtp.TensorDesc, trtp.TensorDesc],
    tactic: int,
) -> tuple[str | bytes, str | bytes, trtp.KernelLaunchParams, trtp.SymIntExprs]:
    """Return the kernel's name, its PTX, its launch and its scalar argument. The arguments are those of `describe`.

    Raises CompilationFailed.
    """
    precision = Precision.FP16 if pooled.dtype == trt.float16 else Precision.FP32
    launch = PlanLaunch(precision, num_frames)
    grid = trtp.KernelLaunchParams(block_x=launch.threads)
    grid.grid_x = pooled.shape_expr[0] // num_frames
    channels = trtp.SymIntExprs.from_tuple([trtp.SymInt32(pooled.shape[1])])
    return launch.kernel, compile_ptx(PLAN, num_frames), grid, channels

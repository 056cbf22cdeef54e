"""`tin::TemporalInterlace` as an ahead-of-time TensorRT plugin: the PTX lies inside the engine, which then loads
anywhere, without Python.

See "Providing an Ahead-of-Time (AOT) Implementation" in TensorRT's Python plugin guide. Needs TensorRT 10.7 or newer;
import this only where it is installed. Annotations are read by TensorRT, so they are not postponed.
"""

from typing import Any

import tensorrt as trt
import tensorrt.plugin as trtp

from export.tensorrt_plugin.compile import compile_ptx
from export.tensorrt_plugin.launch import THREADS, Launch, Layout, Precision, plan_launch
from export.tensorrt_plugin.node import DOMAIN, OPERATOR

PLUGIN = f"{DOMAIN}::{OPERATOR}"


def register() -> None:
    """Make the plugin known to TensorRT in this process; again is harmless."""
    if _is_registered():
        return
    trtp.register(PLUGIN)(describe)
    trtp.autotune(PLUGIN)(offer_formats)
    trtp.aot_impl(PLUGIN)(implement)


def describe(
    features: trtp.TensorDesc, offsets: trtp.TensorDesc, weights: trtp.TensorDesc, num_frames: int
) -> trtp.TensorDesc:
    """The output is like the features, [N * T, C, H, W]; offsets are [N, 2], weights [N, T, 2], both float32."""
    return features.like()


def offer_formats(
    features: trtp.TensorDesc,
    offsets: trtp.TensorDesc,
    weights: trtp.TensorDesc,
    outputs: tuple[trtp.TensorDesc],
) -> list[trtp.AutoTuneCombination]:
    """What TensorRT may time: any of it in LINEAR, and fp16 in HWC8 where that needs no padding."""
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
    """The kernel's name, its PTX, how it is launched, and its scalars. Raises CompilationFailed or ValueError."""
    launch = _launch_for(features)
    grid = trtp.KernelLaunchParams(grid_x=launch.blocks, block_x=THREADS)
    grid.grid_y = features.shape_expr[0] // num_frames
    scalars = trtp.SymIntExprs.from_tuple([trtp.SymInt32(launch.frame_size), trtp.SymInt32(launch.run)])
    return launch.kernel, compile_ptx(num_frames), grid, scalars


def _launch_for(features: Any) -> Launch:
    precision = Precision.FP16 if features.dtype == trt.float16 else Precision.FP32
    return plan_launch(list(features.shape)[1:], precision, Layout(features.format.name))


def _is_registered() -> bool:
    return hasattr(trtp.op, DOMAIN) and hasattr(getattr(trtp.op, DOMAIN), OPERATOR)

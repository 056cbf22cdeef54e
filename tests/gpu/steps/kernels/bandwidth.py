"""Step `bandwidth`: the plugin's kernel beside a copy of the same memory, for the shapes of a ResNet-50 at batch 16.

Offsets are below one frame, so that all but one frame is read.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from export.precision import Precision
from export.tensorrt_plugin.compile import INTERLACE, compile_ptx
from export.tensorrt_plugin.launch import Layout, interlace_launch
from tests.gpu.device import require_gpu, require_package
from tests.gpu.replay import replay
from tests.gpu.session.figures import Figures

NUM_FRAMES = 8
SHAPES = {"stem": (16, 56, 56), "1": (64, 56, 56), "2": (128, 28, 28), "3": (256, 14, 14), "4": (512, 7, 7)}
"""Channels, height and width of the interlaced quarters, by stage."""

KINDS = ((Precision.FP16, Layout.HWC8), (Precision.FP16, Layout.LINEAR), (Precision.FP32, Layout.LINEAR))
WORKING_SET = 1 << 29
"""Bytes of all tensors, too many for any cache."""

GOAL = 0.85
GOAL_STAGES = ("1", "2", "3")
"""Stages whose tensors are large enough to reach a copy's bandwidth."""


def run(figures: Figures) -> None:
    """Measure every shape in every kind."""
    for kind in KINDS:
        for shape in SHAPES.values():
            interlace_launch(shape, *kind)
    figures.add(ptx_bytes=len(compile_ptx(INTERLACE, NUM_FRAMES)), goal=GOAL)
    require_gpu()
    require_package("cuda.bindings")
    rows: list[dict[str, Any]] = []
    for kind in KINDS:
        for stage, shape in SHAPES.items():
            rows.append({"stage": stage, **bandwidth(shape, *kind)})
            figures.add(rows=rows)
    share = min(row["share_of_copy"] for row in rows if row["stage"] in GOAL_STAGES)
    met = "met" if share >= GOAL else "missed"
    figures.add(summary=[f"at least {share:.2f} of a copy on stages 1 to 3 (goal {GOAL}: {met})"])


def bandwidth(shape: tuple[int, int, int], precision: Precision, layout: Layout, num_clips: int = 16) -> dict[str, Any]:
    """Return microseconds per tensor of the kernel and of a copy, and the kernel's share of the copy's bandwidth.

    Args:
        shape: channels, height and width.
        precision: type of the features.
        layout: memory layout of the features.
        num_clips: batch size.
    """
    kernels, launch = load_kernels(), interlace_launch(shape, precision, layout)
    size = num_clips * NUM_FRAMES * launch.frame_size
    count = max(2, WORKING_SET // (2 * size * precision.num_bytes))
    first = torch.randn(size, device="cuda").to(torch.float16 if precision is Precision.FP16 else torch.float32)
    pairs = [(first.clone(), torch.empty_like(first)) for _ in range(count)]
    offsets = torch.tensor([[0.5, -0.25]] * num_clips, device="cuda")
    weights = torch.rand(num_clips, NUM_FRAMES, 2, device="cuda")

    def interlace_all() -> None:
        for features, output in pairs:
            kernels.launch_into(launch, features, offsets, weights, output)

    def copy_all() -> None:
        for features, output in pairs:
            output.copy_(features)

    copied, interlaced = replay({"copy": copy_all, "kernel": interlace_all}).values()
    return {
        "shape": [num_clips * NUM_FRAMES, *shape],
        "precision": precision,
        "layout": layout,
        "kernel": launch.kernel,
        "copy_us": 1000 * copied / count,
        "kernel_us": 1000 * interlaced / count,
        "copy_gb_per_s": 2e-6 * size * precision.num_bytes * count / copied,
        "share_of_copy": copied / interlaced,
    }


@cache
def load_kernels() -> Any:
    """Return the plugin's kernels; they must be loaded before a graph is captured."""
    from tests.gpu.kernel import Kernels  # noqa: PLC0415 - it needs cuda-bindings

    return Kernels(NUM_FRAMES)

"""Step `plan`: offsets and weights in one launch beside the layers of torch, for the blocks of a ResNet-50.

Both start from pooled features in float16 and are replayed as CUDA graphs. torch takes about seven launches.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from export.precision import Precision
from export.tensorrt_plugin.compile import PLAN, compile_ptx
from export.tensorrt_plugin.launch import LAYERS
from tests.gpu.device import require_gpu, require_package
from tests.gpu.replay import replay
from tests.gpu.session.figures import Figures
from tests.helpers.plugin.plan_cases import make_plan_case
from training.model.interlace import TemporalInterlace

NUM_FRAMES = 8
CHANNELS = (16, 64, 128, 256, 512)
BATCHES = (1, 4, 16)
COUNT = 64
"""Launches of a recorded graph, so that its own start does not count."""


def run(figures: Figures) -> None:
    """Compare and measure every size."""
    figures.add(ptx_bytes=len(compile_ptx(PLAN, NUM_FRAMES)))
    require_gpu()
    require_package("cuda.bindings")
    rows: list[dict[str, Any]] = []
    for channels in CHANNELS:
        for batch in BATCHES:
            rows.append(_row(channels, batch))
            figures.add(rows=rows)
    alone = [row for row in rows if row["batch"] == 1]
    kernel, layers = (sum(row[name] for row in alone) / len(alone) for name in ("kernel_us", "layers_us"))
    figures.add(summary=[f"one clip: {kernel:.1f} us a block in one launch, {layers:.1f} us by torch's layers"])


def _row(channels: int, batch: int) -> dict[str, Any]:
    case = make_plan_case(channels, Precision.FP16, NUM_FRAMES, batch)
    pooled, parameters = case.pooled.cuda(), [each.cuda() for each in case.parameters]
    networks = TemporalInterlace(4 * channels, NUM_FRAMES).cuda()
    networks.load_state_dict(dict(zip(LAYERS, parameters, strict=True)))
    kernels = load_plan_kernels()
    case.check(*(each.cpu() for each in kernels.launch(pooled, parameters)))

    def by_layers() -> None:
        for _ in range(COUNT):
            over_time = pooled.reshape(batch, NUM_FRAMES, channels).transpose(1, 2)
            networks.plan_pooled(over_time.float())

    def by_kernel() -> None:
        for _ in range(COUNT):
            kernels.launch(pooled, parameters)

    layers, kernel = replay({"layers": by_layers, "kernel": by_kernel}).values()
    return {
        "channels": channels,
        "batch": batch,
        "kernel_us": 1000 * kernel / COUNT,
        "layers_us": 1000 * layers / COUNT,
    }


@cache
def load_plan_kernels() -> Any:
    """Return the plan's kernels; they must be loaded before a graph is captured."""
    from tests.gpu.kernel import PlanKernels  # noqa: PLC0415 - it needs cuda-bindings

    return PlanKernels(NUM_FRAMES)

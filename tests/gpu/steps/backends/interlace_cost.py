"""Step `interlace_cost`: TIN beside TSN, a ResNet-50 in float16 as it is exported, each replayed as a CUDA graph.

The interlacing is that of an engine: the plugins' kernels on the quarter of the channels. Beside it stand the same with
the plan by torch's layers, and the portable form in torch's operators. The clips are uint8 and lie on the GPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from export.graph.interlacing import Interlacer, plan_by_layers
from export.graph.split_network import SplitNetwork
from export.precision import Precision
from export.tensorrt_plugin.launch import LAYERS, Layout, interlace_launch
from tests.gpu.device import require_gpu, require_package
from tests.gpu.networks import r50_checkpoint
from tests.gpu.replay import replay
from tests.gpu.session.figures import Figures
from tests.gpu.steps.kernels.bandwidth import load_kernels
from tests.gpu.steps.kernels.plan import load_plan_kernels
from training.model.interlace import TemporalInterlace
from training.model.tin import Temporal

BATCHES = (1, 4, 16)
RATIO_GOAL, RATE_GOAL = 1.03, 3000
"""TIN over TSN; and clips a second at the largest batch, on an H200."""


def run(figures: Figures) -> None:
    """Measure each batch size."""
    figures.add(goals={"ratio": RATIO_GOAL, "clips_per_second": RATE_GOAL})
    require_gpu()
    require_package("cuda.bindings")
    load_kernels()
    load_plan_kernels()
    networks = {
        "tsn": _network(Temporal.NONE, Interlacer()),
        "tin": _network(Temporal.TIN, Interlacer(plan_by_kernel, move_by_kernel)),
        "tin_plan_in_torch": _network(Temporal.TIN, Interlacer(plan_by_layers, move_by_kernel)),
        "tin_in_torch": _network(Temporal.TIN, Interlacer()),
    }
    on_gpu = {
        name: network.cuda().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for name, network in networks.items()
    }
    rows = []
    for batch in BATCHES:
        rows.append(_row(on_gpu, batch))
        figures.add(rows=rows)
    ratio, rate = max(row["ratio"] for row in rows), rows[-1]["clips_per_second"]
    figures.add(
        summary=[
            f"TIN takes at most {ratio:.3f} times TSN's time (goal {RATIO_GOAL}: {_met(ratio <= RATIO_GOAL)})",
            f"{rate:.0f} clips a second at batch {BATCHES[-1]} (goal {RATE_GOAL}: {_met(rate >= RATE_GOAL)})",
        ]
    )


def plan_by_kernel(interlace: TemporalInterlace, quarter: Tensor) -> tuple[Tensor, Tensor]:
    """Plan a quarter [N * 8, C, H, W] with the plugin's kernel: offsets [N, 2] and weights [N, 8, 2]."""
    parameters = [interlace.get_parameter(name).detach() for name in LAYERS]
    planned: tuple[Tensor, Tensor] = load_plan_kernels().launch(quarter.mean(dim=(2, 3)).contiguous(), parameters)
    return planned


def move_by_kernel(features: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
    """Interlace a quarter [N * T, C, H, W] in float16 with the plugin's kernel, in the memory layout that it has."""
    channels_last = features.is_contiguous(memory_format=torch.channels_last) and features.shape[1] % 8 == 0
    layout, order = (Layout.HWC8, torch.channels_last) if channels_last else (Layout.LINEAR, torch.contiguous_format)
    launch = interlace_launch(features.shape[1:], Precision.FP16, layout)
    plan = offsets.float().contiguous(), weights.float().contiguous()
    moved: Tensor = load_kernels().launch(launch, features.contiguous(memory_format=order), *plan)
    return moved


def _network(temporal: Temporal, interlacer: Interlacer) -> SplitNetwork:
    checkpoint = r50_checkpoint(temporal)
    return SplitNetwork(checkpoint.build_model(), checkpoint.clip, interlacer, torch.float16).eval()


def _row(networks: dict[str, Any], batch: int) -> dict[str, float]:
    clips = torch.randint(0, 256, (batch, 8, 224, 224, 3), dtype=torch.uint8, device="cuda")
    times = replay({name: lambda network=network: network(clips) for name, network in networks.items()})  # type: ignore[misc]
    return {
        "batch": batch,
        **{f"{name}_ms": taken for name, taken in times.items()},
        "ratio": times["tin"] / times["tsn"],
        "ratio_with_plan_in_torch": times["tin_plan_in_torch"] / times["tsn"],
        "ratio_in_torch": times["tin_in_torch"] / times["tsn"],
        "clips_per_second": 1000 * batch / times["tin"],
    }


def _met(is_met: bool) -> str:
    return "met" if is_met else "missed"

"""Step `ptx`: the plugins' kernels, compiled here and run by the driver, against the definition of interlacing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from export.precision import Precision
from export.tensorrt_plugin.compile import INTERLACE, PLAN, compile_ptx
from tests.gpu.device import require_gpu, require_package
from tests.gpu.session.figures import Figures
from tests.helpers.plugin.cases import cases_of
from tests.helpers.plugin.plan_cases import plan_cases_of

NUM_FRAMES = (8, 1, 5)
SOURCES = {"interlace": INTERLACE, "plan": PLAN}


def run(figures: Figures) -> None:
    """Compile the kernels, then compare every case."""
    moves = [(frames, case) for frames in NUM_FRAMES for kind in Precision for case in cases_of(kind, frames)]
    plans = [(frames, case) for frames in NUM_FRAMES for kind in Precision for case in plan_cases_of(kind, frames)]
    sizes = {name: {each: len(compile_ptx(source, each)) for each in NUM_FRAMES} for name, source in SOURCES.items()}
    figures.add(ptx_bytes=sizes, cases=len(moves), plan_cases=len(plans))
    require_gpu()
    require_package("cuda.bindings")
    from tests.gpu.kernel import Kernels, PlanKernels  # noqa: PLC0415 - they need cuda-bindings

    torch.zeros(1, device="cuda")
    kernels = {frames: Kernels(frames) for frames in NUM_FRAMES}
    planners = {frames: PlanKernels(frames) for frames in NUM_FRAMES}
    wrong = [*_wrong(moves, kernels, _check_move), *_wrong(plans, planners, _check_plan)]
    total = len(moves) + len(plans)
    figures.add(wrong=wrong, summary=[f"{total - len(wrong)} of {total} cases are equal"])
    if wrong:
        raise AssertionError(wrong[0])


def _wrong(cases: list[tuple[int, Any]], kernels: dict[int, Any], check: Callable[[Any, Any], None]) -> list[str]:
    found = []
    for frames, case in cases:
        try:
            check(kernels[frames], case)
        except AssertionError as error:
            found.append(f"{case.launch}: {error}")
    return found


def _check_move(kernels: Any, case: Any) -> None:
    inputs = [tensor.cuda() for tensor in (case.features, case.offsets, case.weights)]
    case.check(kernels.launch(case.launch, *inputs).cpu())


def _check_plan(kernels: Any, case: Any) -> None:
    planned = kernels.launch(case.pooled.cuda(), [each.cuda() for each in case.parameters])
    case.check(*(each.cpu() for each in planned))

"""Step `ptx`: the plugin's kernels, compiled here and run by the driver, against the definition of interlacing."""

from __future__ import annotations

import torch

from export.precision import Precision
from export.tensorrt_plugin.compile import compile_ptx
from tests.gpu.device import require_gpu, require_package
from tests.gpu.session.figures import Figures
from tests.helpers.plugin.cases import cases_of

NUM_FRAMES = (8, 1, 5)


def run(figures: Figures) -> None:
    """Compile the kernels, then compare every case."""
    cases = [(frames, case) for frames in NUM_FRAMES for kind in Precision for case in cases_of(kind, frames)]
    figures.add(ptx_bytes={frames: len(compile_ptx(frames)) for frames in NUM_FRAMES}, cases=len(cases))
    require_gpu()
    require_package("cuda.bindings")
    from tests.gpu.kernel import Kernels  # noqa: PLC0415 - it needs cuda-bindings

    torch.zeros(1, device="cuda")
    kernels = {frames: Kernels(frames) for frames in NUM_FRAMES}
    wrong = []
    for frames, case in cases:
        inputs = [tensor.cuda() for tensor in (case.features, case.offsets, case.weights)]
        output = kernels[frames].launch(case.launch, *inputs).cpu()
        try:
            case.check(output)
        except AssertionError as error:
            wrong.append(f"{case.launch}: {error}")
    figures.add(wrong=wrong, summary=[f"{len(cases) - len(wrong)} of {len(cases)} cases are equal"])
    if wrong:
        raise AssertionError(wrong[0])

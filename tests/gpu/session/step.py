"""Steps of `python -m tests.gpu`, in the order of their value, and the process that runs one.

    python -m tests.gpu.session.step tests.gpu.steps.kernels.bandwidth --out bandwidth.json

A step is a module with a function `run(figures)`. What needs no GPU comes first in it: it runs on any machine up to
`require_gpu`.
"""

from __future__ import annotations

import argparse
import importlib
import traceback
from dataclasses import dataclass
from pathlib import Path

from tests.gpu.session.figures import Figures


class Missing(Exception):
    """Something that a step needs is not on this machine; the message names it."""


@dataclass(frozen=True)
class Step:
    """A step by its module, named from `package` on; it is ended after `seconds`, and shows what `shows` says."""

    path: str
    seconds: float
    shows: str
    package: str = "tests.gpu.steps"

    @property
    def module(self) -> str:
        """Full name of the module."""
        return f"{self.package}.{self.path}"

    @property
    def name(self) -> str:
        """Name of the step, and of its file of figures."""
        return self.path.rpartition(".")[2]


STEPS = (
    Step("facts", 30, "the GPU, its driver, and the versions of all packages"),
    Step("kernels.ptx", 60, "the plugins' PTX equals the definition of interlacing"),
    Step("backends.cuda_runtime", 30, "memory, copies and graphs through service.backends.cuda"),
    Step("kernels.triton_kernels", 120, "training's kernels equal the plain form in float64"),
    Step(
        "backends.torch_program", 90, "the torch backend: parity, milliseconds and memory of its recorded batch sizes"
    ),
    Step("kernels.bandwidth", 45, "the plugin's kernel beside a copy of the same memory"),
    Step("kernels.plan", 45, "offsets and weights in one launch beside torch's layers"),
    Step("backends.interlace_cost", 75, "TIN beside TSN as CUDA graphs, and clips a second in float16"),
    Step("backends.onnx_cuda", 150, "ONNX Runtime on CUDA: parity, threads without growth, options"),
    Step("backends.staging", 120, "full batches with the next one copied meanwhile, and without"),
    Step("training.step_cost", 90, "interlacing with gradients, memory of a training step, videos a second"),
    Step("kernels.memory_checker", 90, "compute-sanitizer finds no fault in the kernels"),
    Step(
        "backends.tensorrt",
        240,
        "an engine with the plugin: build, parity and milliseconds, where TensorRT is installed",
    ),
    Step("training.demo", 90, "the demo recipe with the published network learns"),
)


def run_step(module: str, path: Path) -> bool:
    """Run a step's module here and write its figures to `path`; returns False if it failed."""
    figures = Figures(path)
    figures.add()
    try:
        importlib.import_module(module).run(figures)
    except Missing as missing:
        figures.end("skipped", str(missing))
    except Exception as error:
        figures.end("failed", f"{type(error).__name__}: {error}"[:500])
        traceback.print_exc()
        return False
    else:
        figures.end("done")
    return True


def main() -> None:
    """Run the step that the arguments name."""
    parser = argparse.ArgumentParser(description="Run one step of `python -m tests.gpu`.")
    parser.add_argument("module", help="such as tests.gpu.steps.kernels.bandwidth")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    raise SystemExit(0 if run_step(arguments.module, arguments.out) else 1)


if __name__ == "__main__":
    importlib.import_module("tests.gpu.session.step").main()  # not as `__main__`, whose Missing would be another

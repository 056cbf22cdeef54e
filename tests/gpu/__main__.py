"""`python -m tests.gpu`: run the tests and benchmarks that need a GPU; without a GPU, say that they are skipped.

Training's kernels need torch with CUDA and Triton. The plugin's need cuda-bindings, and NVRTC or nvcc; ONNX Runtime's
CUDA provider and TensorRT are used where they are installed.
"""

import importlib
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.gpu.device import why_no_triton, why_not

FIGURES = (("bench_gpu", why_not), ("bench_train_gpu", why_no_triton))
"""Benchmarks, each with the function that returns the reason to skip it."""


def main():
    if not torch.cuda.is_available():
        Console().print(f"skipped the tests and figures that need a GPU: {why_not()}")
        return 0
    # The tests' conftest.py needs video libraries, and warnings differ between versions of torch.
    failed = pytest.main(["--noconftest", "-W", "default", "-rs", str(Path(__file__).parent)])
    if not failed:
        for name, why in FIGURES:
            missing = why()
            if missing:
                Console().print(f"skipped the figures of {name}: {missing}")
            else:
                importlib.import_module(f"tests.benchmarks.{name}").bench()
    return failed


if __name__ == "__main__":
    sys.exit(main())

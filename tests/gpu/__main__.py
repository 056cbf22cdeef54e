"""`python -m tests.gpu`: the tests that need a GPU, then the figures; without a GPU, why not.

Needs torch with CUDA, cuda-bindings, and NVRTC or nvcc; ONNX Runtime's CUDA provider and TensorRT are used where they
are installed.
"""

import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.benchmarks.bench_gpu import bench
from tests.gpu.device import why_not


def main():
    missing = why_not()
    if missing:
        Console().print(f"skipped the tests and figures that need a GPU: {missing}")
        return 0
    # The tests' conftest.py needs video libraries, and other versions of torch warn of other things.
    failed = pytest.main(["--noconftest", "-W", "default", "-rs", str(Path(__file__).parent)])
    if not failed:
        bench()
    return failed


if __name__ == "__main__":
    sys.exit(main())

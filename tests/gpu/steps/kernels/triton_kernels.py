"""Step `triton_kernels`: the tests of training's kernels, on the GPU."""

from __future__ import annotations

from tests.gpu.device import require_gpu, require_package
from tests.gpu.outcomes import run_tests
from tests.gpu.session.figures import Figures
from tests.helpers.paths import REPOSITORY

TESTS = REPOSITORY / "tests/gpu/test_interlace_training.py"


def run(figures: Figures) -> None:
    """Run the tests and count them."""
    require_package("triton")
    require_gpu()
    run_tests([TESTS], figures)

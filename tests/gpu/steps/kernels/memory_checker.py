"""Step `memory_checker`: NVIDIA's compute-sanitizer over the plugin's kernels: no access outside of a tensor."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.gpu.device import require_gpu, require_package
from tests.gpu.session.figures import Figures
from tests.gpu.session.step import Missing
from tests.helpers.paths import REPOSITORY

FAULTS = 99
"""Exit code for faults found."""


def run(figures: Figures) -> None:
    """Run the step `ptx` under the checker."""
    checker = shutil.which("compute-sanitizer")
    figures.add(checker=checker is not None)
    require_gpu()
    require_package("cuda.bindings")
    if checker is None:
        raise Missing("compute-sanitizer is not on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "ptx.json")
        step = [sys.executable, "-m", "tests.gpu.session.step", "tests.gpu.steps.kernels.ptx", "--out", out]
        command = [checker, "--tool", "memcheck", "--error-exitcode", str(FAULTS), *step]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    last = (done.stdout.strip().splitlines() or ["nothing was printed"])[-1]
    figures.add(exit_code=done.returncode, summary=[last])
    if done.returncode:
        raise AssertionError(f"compute-sanitizer ends with {done.returncode}: {last}")

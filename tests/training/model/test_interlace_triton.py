"""Tests of the Triton kernels without a GPU: in Triton's interpreter, and compiled for other machines' GPUs."""

import importlib.util
import os
import subprocess
import sys
from unittest.mock import patch

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.helpers.machine_code.cubin import ARCHITECTURES, regressions
from tests.helpers.machine_code.kernels import compile_triton, read_record, triton_kernels
from tests.helpers.paths import REPOSITORY
from tests.helpers.training.live_memory import LiveMemory
from training.model.interlace_ops import interlace_plain
from training.model.tin import TIN, Architecture

PUBLISHED_MEGABYTES = 6181
"""GPU memory that MMAction2 reports for six videos per GPU, the minimum of its three recipes."""

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")


def test_the_gpu_s_tests_pass_in_the_interpreter():
    command = [sys.executable, "-m", "pytest", "--noconftest", "tests/gpu/test_interlace_training.py"]
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "passed, 1 skipped" in done.stdout


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("capability", ARCHITECTURES)
def test_machine_code_gets_no_worse(capability):
    assert regressions(triton_kernels(capability), read_record("triton", capability)) == {}


@pytest.mark.parametrize("capability", ARCHITECTURES)
def test_the_widest_accesses_that_a_slice_allows_are_taken(capability):
    for name, code in read_record("triton", capability).items():
        bits = 64 if name.endswith("fp16_channels_last") else 128
        assert max(map(int, code.loads)) == max(map(int, code.stores)) == bits, name


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_the_kernels_compile(dtype, sign):
    from training.model.interlace_triton import _backward, _forward  # noqa: PLC0415

    for kernel in (_forward, _backward):
        assert compile_triton(kernel, dtype, 90, {"block": 1024, "num_frames": 3, "run": 6, "sign": sign})


def test_a_single_value_compiles():
    from training.model.interlace_triton import _backward, _forward  # noqa: PLC0415

    for kernel in (_forward, _backward):
        sizes = {"num_frames": 1, "runs": 1, "run": 1, "block": 1}
        assert compile_triton(kernel, "fp32", 80, {"sign": 1} | sizes)


def test_nothing_loads_triton_without_a_gpu():
    code = (
        "import sys, torch; from training.model.interlace import interlace;"
        "x = torch.zeros(2, 4, 1, 1, requires_grad=True);"
        "interlace(x, torch.zeros(1, 2), torch.ones(1, 2, 2)).sum().backward();"
        "print('triton' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_step_of_six_videos_needs_less_memory_than_the_published_training():
    from training.model import interlace_triton  # noqa: PLC0415

    class NoKernel:
        def __getitem__(self, programs):
            return lambda *arguments, **constants: None

    with patch.multiple(interlace_triton, _forward=NoKernel(), _backward=NoKernel()):
        fused = peak_megabytes(interlace_triton.interlace_fused)
    plain = peak_megabytes(interlace_plain)
    assert fused < 0.97 * plain
    assert plain < PUBLISHED_MEGABYTES


def peak_megabytes(form):
    """Peak memory of tensors in training steps of the published setting, without cuDNN's workspace."""
    with FakeTensorMode(), patch("training.model.interlace.interlace", form):
        model = TIN(Architecture(num_classes=174), dropout=0.8)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
        memory = LiveMemory([*model.parameters(), *model.buffers()])
        with memory:
            for _ in range(2):
                loss = torch.nn.functional.cross_entropy(model(torch.randn(6, 8, 3, 224, 224)), torch.zeros(6).long())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return memory.peak / 2**20

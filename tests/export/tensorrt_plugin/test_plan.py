"""The body of the plan's kernel, compiled for this machine's CPU, against the networks of training in float64."""

import ctypes
import platform
import shutil
import subprocess

import pytest
import torch

from export.precision import Precision
from export.tensorrt_plugin.compile import PLAN
from export.tensorrt_plugin.launch import MOST_PLANNED_FRAMES
from tests.helpers.paths import REPOSITORY
from tests.helpers.plugin.plan_cases import plan_cases_of

pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="host_plan.cpp converts fp16 with x86's F16C"),
]

HOST = REPOSITORY / "tests" / "helpers" / "plugin" / "host_plan.cpp"


@pytest.fixture(scope="module", params=[8, 1, MOST_PLANNED_FRAMES])
def compiled(request, tmp_path_factory):
    """Number of frames, and the library compiled for it."""
    library = tmp_path_factory.mktemp("host") / "plan.so"
    flags = ["-std=c++20", "-O2", "-mf16c", "-Wno-unknown-pragmas", f"-DNUM_FRAMES={request.param}"]
    subprocess.run(["g++", *flags, "-shared", "-fPIC", "-pthread", f"-I{PLAN.parent}", "-o", library, HOST], check=True)
    return request.param, ctypes.CDLL(str(library))


def run_on_host(library, case):
    outputs = tuple(torch.full_like(each, torch.nan) for each in (case.offsets, case.weights))
    pooled, *layers = (ctypes.c_void_p(tensor.data_ptr()) for tensor in (case.pooled, *case.parameters))
    kernel = ctypes.cast(library[case.launch.kernel], ctypes.c_void_p)
    pointers = [ctypes.c_void_p(each.data_ptr()) for each in outputs]
    addresses = (ctypes.c_void_p * len(layers))(*layers)
    library.launch(kernel, len(case.offsets), pooled, addresses, case.pooled.shape[1], *pointers)
    return outputs


@pytest.mark.parametrize("precision", Precision)
def test_the_kernel_plans_as_the_networks_do(compiled, precision):
    num_frames, library = compiled
    for case in plan_cases_of(precision, num_frames):
        case.check(*run_on_host(library, case))


def test_the_cases_reach_all_offsets_and_weights():
    cases = list(plan_cases_of(Precision.FP32, 8))
    offsets, weights = torch.cat([case.offsets for case in cases]), torch.cat([case.weights for case in cases])
    assert offsets.min() < -1
    assert offsets.max() > 1
    assert weights.min() < 0.2
    assert weights.max() > 1.8

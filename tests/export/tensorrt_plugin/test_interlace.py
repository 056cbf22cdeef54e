"""The kernel's body, compiled for this machine's CPU, against the definition of interlacing."""

import ctypes
import platform
import shutil
import subprocess

import pytest
import torch

from export.precision import Precision
from export.tensorrt_plugin.compile import INTERLACE
from export.tensorrt_plugin.launch import THREADS
from tests.helpers.paths import REPOSITORY
from tests.helpers.plugin.cases import cases_of

pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="host.cpp converts fp16 with x86's F16C"),
]

HOST = REPOSITORY / "tests" / "helpers" / "plugin" / "host.cpp"


@pytest.fixture(scope="module", params=[8, 1, 5])
def compiled(request, tmp_path_factory):
    """Number of frames, and the library compiled for it."""
    library = tmp_path_factory.mktemp("host") / "interlace.so"
    flags = ["-std=c++17", "-O2", "-mf16c", "-Wno-unknown-pragmas", f"-DNUM_FRAMES={request.param}"]
    subprocess.run(["g++", *flags, "-shared", "-fPIC", f"-I{INTERLACE.parent}", "-o", library, HOST], check=True)
    return request.param, ctypes.CDLL(str(library))


def run_on_host(library, case):
    output = torch.full_like(case.features, torch.nan)
    kernel = ctypes.cast(library[case.launch.kernel], ctypes.c_void_p)
    inputs = [ctypes.c_void_p(tensor.data_ptr()) for tensor in (case.features, case.offsets, case.weights)]
    grid = (case.launch.blocks, len(case.offsets), THREADS)
    library.launch(kernel, *grid, *inputs, case.launch.frame_size, case.launch.run, ctypes.c_void_p(output.data_ptr()))
    return output


@pytest.mark.parametrize("precision", Precision)
def test_the_kernel_interlaces(compiled, precision):
    num_frames, library = compiled
    for case in cases_of(precision, num_frames):
        case.check(run_on_host(library, case))


def test_every_kernel_is_tried():
    tried = {case.launch.kernel for precision in Precision for case in cases_of(precision, 1)}
    assert tried == {f"interlace_fp32_x{n}" for n in (1, 2, 4)} | {f"interlace_fp16_x{n}" for n in (1, 2, 4, 8)}

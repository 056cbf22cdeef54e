"""Compilation of the kernels to PTX by NVRTC and nvcc."""

import importlib.util
import re
import shutil
from types import SimpleNamespace

import pytest

from export.precision import Precision
from export.tensorrt_plugin import compile as compilation
from export.tensorrt_plugin.compile import (
    INTERLACE,
    PLAN,
    CompilationFailed,
    compile_ptx,
    compile_with_nvcc,
    compile_with_nvrtc,
    find_nvrtc,
)
from export.tensorrt_plugin.launch import MOST_PLANNED_FRAMES, PARAMETERS, PLAN_PARAMETERS, SCALARS, PlanLaunch
from tests.helpers.machine_code.cubin import ARCHITECTURES, regressions, why_no_assembler
from tests.helpers.machine_code.kernels import cuda_kernels, read_record

KERNELS = {f"interlace_fp32_x{n}" for n in (1, 2, 4)} | {f"interlace_fp16_x{n}" for n in (1, 2, 4, 8)}
PLAN_KERNELS = {"plan_fp32", "plan_fp16"}


def by_nvrtc(source, num_frames):
    library = find_nvrtc()
    if library is None:
        pytest.skip("NVRTC is not installed")
    return compile_with_nvrtc(library, source, num_frames)


def by_nvcc(source, num_frames):
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("nvcc is not installed")
    return compile_with_nvcc(nvcc, source, num_frames)


def kernels_of(ptx):
    """Return parameter types and body of every entry point, by name."""
    pattern = re.compile(r"\.entry (\w+)\(([^)]*)\)\s*(?:\.\w+[^{]*)?\{(.*?)\n\}", re.DOTALL)
    return {name: (re.findall(r"\.param \.(\w+)", head), body) for name, head, body in pattern.findall(ptx.decode())}


@pytest.fixture(scope="module", params=[by_nvrtc, by_nvcc])
def kernels(request):
    return kernels_of(request.param(INTERLACE, 8))


@pytest.fixture(scope="module", params=[by_nvrtc, by_nvcc])
def plan_kernels(request):
    return kernels_of(request.param(PLAN, 8))


def test_there_is_a_kernel_for_every_type_and_width(kernels, plan_kernels):
    assert kernels.keys() == KERNELS
    assert plan_kernels.keys() == PLAN_KERNELS


def test_parameters_come_in_the_order_that_the_plugin_declares(kernels, plan_kernels):
    for found, parameters in ((kernels, PARAMETERS), (plan_kernels, PLAN_PARAMETERS)):
        declared = ["u32" if name in SCALARS else "u64" for name in parameters]
        assert {name: types for name, (types, _) in found.items() if types != declared} == {}


@pytest.mark.parametrize("num_frames", [1, 8, 31, 32, MOST_PLANNED_FRAMES])
def test_the_plan_is_compiled_for_as_many_threads_as_it_is_launched_with(num_frames):
    ptx = by_nvrtc(PLAN, num_frames).decode()
    launched = {PlanLaunch(precision, num_frames).threads for precision in Precision}
    assert {int(threads) for threads in re.findall(r"\.maxntid (\d+)", ptx)} == launched


def test_the_plan_keeps_its_sums_in_registers(plan_kernels):
    for _, body in plan_kernels.values():
        assert ".local" not in body


@pytest.mark.parametrize("kernel", ["interlace_fp32_x4", "interlace_fp16_x8"])
def test_a_thread_reads_and_writes_16_bytes_at_a_time_and_each_once(kernels, kernel):
    _, body = kernels[kernel]
    # Eight results could need nine frames, of which at least one is outside the clip and is not read.
    assert len(re.findall(r"ld\.global\.nc\.v4", body)) == 9
    assert len(re.findall(r"st\.global\.v4", body)) == 8
    assert ".local" not in body, "frames must stay in registers"


def test_the_ptx_is_for_turing_and_newer():
    assert b".target sm_75" in by_nvrtc(INTERLACE, 8)


def test_the_newest_nvrtc_is_taken(tmp_path, monkeypatch):
    older, newer = (tmp_path / name for name in ("cuda_nvrtc/lib/libnvrtc.so.9", "cu13/lib/libnvrtc.so.13"))
    for library in (older, newer):
        library.parent.mkdir(parents=True)
        library.touch()
    package = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: package)
    assert find_nvrtc() == str(newer)


@pytest.mark.skipif(bool(why_no_assembler()), reason=why_no_assembler())
@pytest.mark.parametrize("capability", ARCHITECTURES)
def test_machine_code_gets_no_worse(capability):
    assert regressions(cuda_kernels(capability), read_record("cuda", capability)) == {}


@pytest.mark.skipif(bool(why_no_assembler()), reason=why_no_assembler())
def test_turing_takes_the_ptx():
    assert {code.spilled for code in cuda_kernels(75).values()} == {0}


def test_a_missing_compiler_is_named(monkeypatch):
    monkeypatch.setattr(compilation, "find_nvrtc", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(CompilationFailed, match="nvidia-cuda-nvrtc"):
        compile_ptx(INTERLACE, 3)


@pytest.mark.parametrize("compile_it", [by_nvrtc, by_nvcc])
def test_the_compiler_s_message_is_reported(compile_it):
    with pytest.raises(CompilationFailed, match=r"interlace\.cu: .*error"):
        compile_it(INTERLACE, "no_number")


def test_a_library_that_is_no_nvrtc_is_refused(tmp_path):
    library = tmp_path / "libnvrtc.so.13"
    library.write_bytes(b"not a library")
    with pytest.raises(CompilationFailed, match="NVRTC"):
        compile_with_nvrtc(str(library), PLAN, 8)

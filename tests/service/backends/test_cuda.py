"""CUDA runtime API: errors without cuda-bindings or a GPU, devices by the driver, copies with any cuda-bindings."""

import enum
import subprocess
import sys
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pytest

from service.backends import cuda
from service.backends.cuda import (
    CudaError,
    call,
    count_devices,
    create_event,
    device_name,
    record_event,
    upload,
    wait_for_event,
)


def test_missing_bindings_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(CudaError, match="cuda-bindings"):
        call("cudaGetDeviceCount")


def test_a_failing_call_is_named_with_what_cuda_says():
    runtime = pytest.importorskip("cuda.bindings.runtime", reason="needs cuda-bindings")
    if not runtime.cudaGetDeviceCount()[0]:
        pytest.skip("this machine has a GPU")
    with pytest.raises(CudaError, match=r"cudaGetDeviceProperties: \w+"):
        device_name()


def test_events_are_asked_of_cuda_as_its_functions_take_them():
    runtime = pytest.importorskip("cuda.bindings.runtime", reason="needs cuda-bindings")
    if not runtime.cudaGetDeviceCount()[0]:
        pytest.skip("this machine has a GPU")
    event, stream = runtime.cudaEvent_t(0), runtime.cudaStream_t(0)
    with pytest.raises(CudaError, match="cudaEventCreateWithFlags"), ExitStack() as resources:
        create_event(resources)
    with pytest.raises(CudaError, match="cudaEventRecord"):
        record_event(event, stream)
    with pytest.raises(CudaError, match="cudaStreamWaitEvent"):
        wait_for_event(event, stream)


DRIVER = """
int cuInit(unsigned flags) { return %d; }
int cuDeviceGetCount(int *count) { *count = %d; return 0; }
"""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Compiles a driver of two functions and makes it the system's."""

    def compiled(status, num_devices):
        source, library = tmp_path / "driver.c", tmp_path / f"driver-{status}-{num_devices}.so"
        source.write_text(DRIVER % (status, num_devices))
        subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library], check=True)
        monkeypatch.setattr(cuda, "DRIVER", str(library))

    return compiled


@pytest.mark.parametrize(("status", "num_devices", "counted"), [(0, 2, 2), (0, 0, 0), (100, 2, 0), (803, 1, 0)])
def test_the_driver_counts_its_devices(driver, status, num_devices, counted):
    driver(status, num_devices)
    assert count_devices() == counted


def test_there_are_none_without_a_driver(monkeypatch):
    monkeypatch.setattr(cuda, "DRIVER", "libcuda-that-is-not-there.so.1")
    assert count_devices() == 0


OLD_KIND = enum.IntEnum("OLD_KIND", {"cudaMemcpyHostToDevice": 1})
NEW_KIND = SimpleNamespace(cudaMemcpyHostToDevice=1)
"""As cuda-bindings 13.5 has it: names are attributes, and there is no subscript."""


@pytest.mark.parametrize("kind", [OLD_KIND, NEW_KIND])
def test_copies_work_with_old_and_new_bindings(monkeypatch, kind):
    copies = []

    def copy(*arguments):
        copies.append(arguments)
        return (0,)

    runtime = SimpleNamespace(cudaMemcpyKind=kind, cudaMemcpyAsync=copy)
    monkeypatch.setattr(cuda, "_runtime", lambda: runtime)
    host = np.arange(6, dtype=np.uint8)
    upload(host, 4096, 7)
    assert copies == [(4096, host.ctypes.data, 6, 1, 7)]

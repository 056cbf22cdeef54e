"""CUDA runtime API: errors without cuda-bindings or a GPU."""

import sys

import pytest

from service.backends.cuda import CudaError, call, device_name


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

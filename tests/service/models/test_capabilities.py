"""Capabilities: what this machine has, as far as models may use it, and why no GPU is used."""

import onnxruntime as ort
import pytest

from service.backends import cuda
from service.backends.onnx_cuda import CUDA
from service.config.devices import Devices
from service.models.capabilities import Capabilities, why_no_gpu

AUTO, CPU, TWO = (Devices.parse(text) for text in ("auto", "cpu", "cuda:0,cuda:1"))


@pytest.fixture
def machine(monkeypatch):
    def having(num_gpus, providers=(CUDA, "CPUExecutionProvider")):
        monkeypatch.setattr(ort, "get_available_providers", lambda: list(providers))
        monkeypatch.setattr(cuda, "count_devices", lambda: num_gpus)

    return having


def test_gpus_that_are_there_need_no_reason(machine):
    machine(2)
    assert [why_no_gpu(devices) for devices in (AUTO, TWO)] == [None, None]
    assert Capabilities.detect(TWO).has_onnx_cuda


@pytest.mark.parametrize(
    ("devices", "num_gpus", "named"), [(AUTO, 0, "cuda:0"), (TWO, 1, "cuda:1"), (CPU, 2, "TIN_DEVICE")]
)
def test_a_wheel_with_cuda_has_a_reason_not_to_use_it(machine, devices, num_gpus, named):
    machine(num_gpus)
    found = Capabilities.detect(devices)
    assert named in found.no_gpu
    assert (found.has_onnx_cuda, found.gpu, found.tensorrt) == (False, "", "")


def test_a_wheel_without_cuda_needs_a_reason_only_where_gpus_were_named(machine):
    machine(2, providers=["CPUExecutionProvider"])
    assert [why_no_gpu(devices) for devices in (AUTO, CPU)] == ["", ""]
    assert "without CUDA" in (why_no_gpu(TWO) or "")
    assert not Capabilities.detect(AUTO).has_onnx_cuda

"""Capabilities of a machine that decide which artifact of a model suits it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from service.backends.base import BackendUnavailable
from service.config.devices import Devices


@dataclass(frozen=True)
class Capabilities:
    """Capabilities of a machine; `gpu` and `tensorrt` are the GPUs' name and TensorRT's version, empty without one."""

    has_vnni: bool = False
    has_onnx_cuda: bool = False
    gpu: str = ""
    tensorrt: str = ""
    has_avx2: bool = False
    has_openvino: bool = False
    devices: Devices = field(default_factory=Devices)
    """Devices that models may use."""
    no_gpu: str = ""
    """Reason why ONNX Runtime uses no GPU; empty where none was expected, as it was built without CUDA."""

    @classmethod
    def detect(cls, devices: Devices) -> Capabilities:
        """Detect the capabilities of this machine, as far as models may use its devices."""
        no_gpu = why_no_gpu(devices)
        gpu, tensorrt = _target(devices)
        return cls(
            has_vnni=bool({"avx512_vnni", "avx_vnni"} & _cpu_flags()),
            has_onnx_cuda=no_gpu is None,
            gpu=gpu,
            tensorrt=tensorrt,
            has_avx2="avx2" in _cpu_flags(),
            has_openvino=find_spec("openvino") is not None,
            devices=devices,
            no_gpu=no_gpu or "",
        )


def why_no_gpu(devices: Devices) -> str | None:
    """Return why ONNX Runtime uses no GPU: None where it does, empty where that needs no reason."""
    try:
        from service.backends.onnx_cuda import check_gpus, was_built_with_cuda  # noqa: PLC0415 - only when needed
    except ImportError:  # not installed where TorchServe runs the models
        return "" if devices.may_use_cpu else "ONNX Runtime is not installed"
    if devices.may_use_cpu and not was_built_with_cuda():
        return ""
    if not devices.gpus:
        return f"TIN_DEVICE is {devices}"
    try:
        check_gpus(devices.gpus)
    except BackendUnavailable as error:
        return str(error)
    return None


def _target(devices: Devices) -> tuple[str, str]:
    """Return the name of the GPUs and TensorRT's version; both empty where it cannot be used."""
    from service.backends.tensorrt import find_target  # noqa: PLC0415 - each runtime only when it is needed

    if not devices.gpus:
        return "", ""
    try:
        target = find_target(devices.gpus)
    except BackendUnavailable:
        return "", ""
    return target.gpu, target.tensorrt


def _cpu_flags() -> set[str]:
    """Return the instruction sets of an x86 CPU, by Linux's /proc/cpuinfo; empty where it has none."""
    try:
        return set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return set()

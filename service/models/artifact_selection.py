"""Artifact selection: choose the format of a version that runs best on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

from service.backends.base import Backend, BackendUnavailable, devices_of
from service.backends.contract import SAFE_WEIGHT_BITS
from service.config.settings import Settings
from service.models.capabilities import Capabilities
from service.models.replicas import open_on_each
from service.store.manifest import Artifact
from service.store.model_store import StoredModel

AUTO = "auto"

OIP = "oip"
"""A backend without a format of its own: a server runs the model, and its answers must be those of REFERENCE."""

REFERENCE = "onnx"


@dataclass(frozen=True)
class Candidate:
    """An artifact and where it would run; `reason` says why it suits the machine, or why not."""

    artifact: Artifact
    on_cuda: bool
    """True for a graph that ONNX Runtime would run on the GPU."""
    suits: bool
    reason: str

    def __str__(self) -> str:
        return f"{self.artifact.format}: {self.reason}"


Verdict = tuple[bool, str]
"""True if an artifact suits the machine; and the reason."""


def candidates(artifacts: Sequence[Artifact], machine: Capabilities, wanted: str = AUTO) -> list[Candidate]:
    """Return the artifacts in the order in which to try them on `machine`, or those of the format that is wanted.

    The order: a TensorRT engine built for this GPU, float16 and float32 on CUDA, int8 where the
    CPU runs it faster and the parity report allows it, by OpenVINO if that was faster still, float32 on the CPU, torch.
    """
    if wanted == OIP:
        proof = "a server runs the model; this graph proves it"
        return [Candidate(each, False, True, proof) for each in artifacts if each.format == REFERENCE]
    return list(_in_order(artifacts, machine, wanted))


def nothing_runs(artifacts: Sequence[Artifact], wanted: str, reasons: Sequence[str]) -> BackendUnavailable:
    """Return the error for a version of which no artifact runs here, with the reason for each."""
    held = ", ".join(artifact.format for artifact in artifacts)
    why = f" ({'; '.join(reasons)})" if reasons else ""
    asked = (
        "nothing that runs here" if wanted == AUTO else f"no {REFERENCE if wanted == OIP else wanted} that runs here"
    )
    return BackendUnavailable(f"the version has {held}: {asked}{why}")


def open_backend(candidate: Candidate, path: Path, settings: Settings) -> Backend:
    """Load an artifact into its runtime, which is imported here; raises BackendUnavailable."""
    artifact, gpus = candidate.artifact, settings.devices().gpus
    if artifact.format == "torchserve":
        return _open_torchserve(path, settings)
    if artifact.format == "tensorrt":
        from service.backends.tensorrt import TensorRTBackend  # noqa: PLC0415

        return open_on_each(gpus, partial(TensorRTBackend, path))
    if artifact.format.startswith("torch"):
        return _open_torch(path, settings)
    if artifact.format.startswith("openvino"):
        from service.backends.openvino import OpenVinoBackend  # noqa: PLC0415

        return OpenVinoBackend(path, settings.onnx_threads)
    if candidate.on_cuda:
        from service.backends.onnx_cuda import OnnxCudaBackend  # noqa: PLC0415

        return open_on_each(gpus, partial(OnnxCudaBackend, path))
    from service.backends.onnx_runtime import OnnxRuntimeBackend  # noqa: PLC0415

    return OnnxRuntimeBackend(path, settings.onnx_threads)


def _open_torch(path: Path, settings: Settings) -> Backend:
    from service.backends.torch_program import TorchProgramBackend  # noqa: PLC0415

    devices = settings.devices()
    backend = open_on_each(devices.gpus or (None,), partial(TorchProgramBackend, path, settings.onnx_threads))
    if "cpu" in devices_of(backend) and not devices.may_use_cpu:
        backend.close()
        raise BackendUnavailable(f"torch finds no GPU, and TIN_DEVICE is {devices}")
    return backend


def open_oip(stored: StoredModel, artifact: Artifact, settings: Settings) -> Backend:
    """Prepare calls of a version that the server at `settings.oip_url` runs; raises BackendUnavailable.

    `artifact` is the graph of the version that the server's answers are compared with.
    """
    try:
        from service.backends.oip.backend import OipBackend  # noqa: PLC0415
        from service.backends.oip.client import OipClient  # noqa: PLC0415
        from service.backends.oip.proof import Proof  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BackendUnavailable(f"backend oip needs the extra `oip`: {error.name} is not installed") from error
    if not settings.oip_url:
        raise BackendUnavailable("backend oip needs TIN_OIP_URL, the address of the server that runs the models")
    proof = Proof.of(stored, artifact, settings.oip_tolerance)
    name, version = stored.manifest.name, stored.manifest.version
    return OipBackend(OipClient(settings.oip_url, name, version, settings.oip_key, settings.deadline_seconds), proof)


def _open_torchserve(archive: Path, settings: Settings) -> Backend:
    try:
        from service.backends.torchserve.backend import TorchServeBackend  # noqa: PLC0415
        from service.backends.torchserve.token import InferenceKey  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BackendUnavailable("this installation has no service/backends/torchserve") from error
    if not settings.torchserve_url:
        raise BackendUnavailable("backend torchserve needs TIN_TORCHSERVE_URL, the address of its inference API")
    file, management_url = settings.torchserve_keys, settings.torchserve_management_url
    key = InferenceKey(file, management_url) if file else None
    return TorchServeBackend(archive, settings.torchserve_url, key, settings.deadline_seconds)


def _in_order(artifacts: Sequence[Artifact], machine: Capabilities, wanted: str) -> Iterator[Candidate]:
    for (name, on_cuda, judge), artifact in product(PREFERENCE, artifacts):
        is_wanted = wanted == name or (wanted == AUTO and name not in ONLY_WHEN_ASKED_FOR)
        if not is_wanted or artifact.format != name or (verdict := judge(artifact, machine)) is None:
            continue
        if wanted != AUTO:
            verdict = _as_wanted(verdict, name)
        yield Candidate(artifact, on_cuda, *(verdict if on_cuda else _where_allowed(verdict, name, machine)))


def _as_wanted(verdict: Verdict, name: str) -> Verdict:
    # Int8 runs on any CPU, if not always faster; with a low agreement somebody accepted it.
    return (True, "it was asked for") if verdict[0] or name in RUN_WHEN_ASKED_FOR else verdict


def _where_allowed(verdict: Verdict, name: str, machine: Capabilities) -> Verdict:
    """Return the verdict unless the format runs on the CPU only, which must not be used."""
    if name in ON_CPU_ONLY and not machine.devices.may_use_cpu:
        return False, f"it would run on the CPU, and TIN_DEVICE is {machine.devices}"
    return verdict


def _judge_tensorrt(artifact: Artifact, machine: Capabilities) -> Verdict:
    here = {"gpu": machine.gpu, "tensorrt": machine.tensorrt}
    if artifact.built_for == here:
        return True, f"an engine for this {machine.gpu}"
    built = " and TensorRT ".join(artifact.built_for.values())
    return False, f"the engine is for {built}, here is {machine.gpu or machine.no_gpu or 'no GPU'}"


def _judge_fp16(artifact: Artifact, machine: Capabilities) -> Verdict:
    if machine.has_onnx_cuda:
        return True, "ONNX Runtime has CUDA"
    return False, machine.no_gpu or "ONNX Runtime has no CUDA here"


def _judge_fp32_on_cuda(artifact: Artifact, machine: Capabilities) -> Verdict | None:
    if machine.has_onnx_cuda:
        return True, "ONNX Runtime has CUDA"
    return (False, f"not on a GPU: {machine.no_gpu}") if machine.no_gpu else None


def _judge_int8(artifact: Artifact, machine: Capabilities) -> Verdict:
    instructions, is_faster = _int8_instructions(artifact, machine)
    if not is_faster:
        return False, instructions
    agreement = f"{artifact.parity.top1_agreement:.1%} of {artifact.parity.num_clips_judged} clips answered as float32"
    if not artifact.parity.agrees:
        return False, f"only {agreement}"
    return True, f"{instructions}, {agreement}"


def _int8_instructions(artifact: Artifact, machine: Capabilities) -> tuple[str, bool]:
    if machine.has_vnni:
        return "this CPU has VNNI", True
    if artifact.weight_bits != SAFE_WEIGHT_BITS:
        return "this CPU has no VNNI, and the weights take 8 bits", False
    return ("this CPU has AVX2", True) if machine.has_avx2 else ("this CPU has neither VNNI nor AVX2", False)


def _judge_openvino(artifact: Artifact, machine: Capabilities) -> Verdict:
    if not machine.has_openvino:
        return False, "OpenVINO is not installed"
    if artifact.speedup is None or artifact.speedup < WORTHWHILE_SPEEDUP:
        return False, f"{artifact.speedup or 0:.2f} times as fast as ONNX Runtime where it was exported"
    suits, reason = _judge_int8(artifact, machine)
    return suits, f"{artifact.speedup:.2f} times as fast as ONNX Runtime, {reason}"


def _judge_any(artifact: Artifact, machine: Capabilities) -> Verdict:
    return True, "runs everywhere"


PREFERENCE: tuple[tuple[str, bool, Callable[[Artifact, Capabilities], Verdict | None]], ...] = (
    ("tensorrt", False, _judge_tensorrt),
    ("onnx-fp16", True, _judge_fp16),
    ("onnx", True, _judge_fp32_on_cuda),
    ("onnx-plugin", True, _judge_fp32_on_cuda),
    ("openvino-int8", False, _judge_openvino),
    ("onnx-int8", False, _judge_int8),
    ("onnx", False, _judge_any),
    ("onnx-plugin", False, _judge_any),
    ("torch-fp16", False, _judge_any),
    ("torch", False, _judge_any),
    ("torchserve", False, _judge_any),
)
"""Formats, whether ONNX Runtime runs them on CUDA, and their judges, best first; no verdict: not worth a mention."""

ON_CPU_ONLY = {"openvino-int8", "onnx-int8", "onnx", "onnx-plugin"}
"""Formats that run on the CPU where `PREFERENCE` does not put them on CUDA."""

RUN_WHEN_ASKED_FOR = {"openvino-int8", "onnx-int8"}
"""Formats that run on any CPU."""

WORTHWHILE_SPEEDUP = 1.1
"""Speed against ONNX Runtime from which on OpenVINO is preferred."""

ONLY_WHEN_ASKED_FOR = {"torchserve"}
"""Formats that need another server."""

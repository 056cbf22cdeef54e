"""Artifact selection: choose the format of a version that runs best on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.backends.base import Backend, BackendUnavailable
from service.config.settings import Settings
from service.store.manifest import Artifact
from service.store.model_store import StoredModel

AUTO = "auto"

OIP = "oip"
"""A backend without a format of its own: a server runs the model, and its answers must be those of REFERENCE."""

REFERENCE = "onnx"


@dataclass(frozen=True)
class Capabilities:
    """Capabilities of a machine; `gpu` and `tensorrt` are the GPU's name and TensorRT's version, empty without one."""

    has_vnni: bool = False
    has_onnx_cuda: bool = False
    gpu: str = ""
    tensorrt: str = ""

    @classmethod
    def detect(cls) -> Capabilities:
        """Detect the capabilities of this machine."""
        from service.backends.tensorrt import find_target  # noqa: PLC0415 - each runtime only when it is needed

        try:
            target = find_target()
        except BackendUnavailable:
            return cls(has_vnni=_has_vnni(), has_onnx_cuda=_has_onnx_cuda())
        return cls(_has_vnni(), _has_onnx_cuda(), target.gpu, target.tensorrt)


@dataclass(frozen=True)
class Choice:
    """The artifact to run; `reason` also says why those preferred to it do not run here."""

    artifact: Artifact
    reason: str


Verdict = tuple[bool, str]
"""True if an artifact suits the machine; and the reason."""


def choose(artifacts: Sequence[Artifact], machine: Capabilities, wanted: str = AUTO) -> Choice:
    """Choose the first artifact in the order of PREFERENCE that runs on `machine`, or the format that is wanted.

    The order: a TensorRT engine built for this GPU, float16 on CUDA, int8 where the CPU has VNNI and the parity report
    allows it, float32, torch. Raises BackendUnavailable with the reason for each format.
    """
    if wanted == OIP:
        return Choice(choose(artifacts, machine, REFERENCE).artifact, "a server runs the model; this graph proves it")
    reasons = []
    for artifact, (suits, reason) in _in_order(artifacts, machine, wanted):
        reasons.append(f"{artifact.format}: {reason}")
        if suits:
            return Choice(artifact, "; ".join(reasons))
    held = ", ".join(artifact.format for artifact in artifacts)
    why = f" ({'; '.join(reasons)})" if reasons else ""
    asked = "nothing that runs here" if wanted == AUTO else f"no {wanted} that runs here"
    raise BackendUnavailable(f"the version has {held}: {asked}{why}")


def open_backend(artifact: Artifact, path: Path, settings: Settings, machine: Capabilities) -> Backend:
    """Load an artifact into its runtime, which is imported here; raises BackendUnavailable."""
    if artifact.format == "torchserve":
        return _open_torchserve(path, settings)
    if artifact.format == "tensorrt":
        from service.backends.tensorrt import TensorRTBackend  # noqa: PLC0415

        return TensorRTBackend(path)
    if artifact.format.startswith("torch"):
        from service.backends.torch_program import TorchProgramBackend  # noqa: PLC0415

        return TorchProgramBackend(path, settings.onnx_threads)
    from service.backends.onnx_runtime import OnnxCudaBackend, OnnxRuntimeBackend  # noqa: PLC0415

    return OnnxCudaBackend(path) if machine.has_onnx_cuda else OnnxRuntimeBackend(path, settings.onnx_threads)


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


def _in_order(artifacts: Sequence[Artifact], machine: Capabilities, wanted: str) -> Iterator[tuple[Artifact, Verdict]]:
    for name, judge in PREFERENCE.items():
        for artifact in artifacts:
            if artifact.format == name and (wanted == name or (wanted == AUTO and name not in ONLY_WHEN_ASKED_FOR)):
                verdict = judge(artifact, machine)
                yield artifact, verdict if wanted == AUTO else _as_wanted(verdict, name, machine)


def _as_wanted(verdict: Verdict, name: str, machine: Capabilities) -> Verdict:
    # Int8 runs on any CPU: without VNNI it is no faster, and with a low agreement somebody accepted it.
    runs = verdict[0] or (name == "onnx-int8" and not machine.has_onnx_cuda)
    return (True, "it was asked for") if runs else verdict


def _judge_tensorrt(artifact: Artifact, machine: Capabilities) -> Verdict:
    here = {"gpu": machine.gpu, "tensorrt": machine.tensorrt}
    if artifact.built_for == here:
        return True, f"an engine for this {machine.gpu}"
    built = " and TensorRT ".join(artifact.built_for.values())
    return False, f"the engine is for {built}, here is {machine.gpu or 'no GPU'}"


def _judge_fp16(artifact: Artifact, machine: Capabilities) -> Verdict:
    if machine.has_onnx_cuda:
        return True, "ONNX Runtime has CUDA"
    return False, "ONNX Runtime has no CUDA here"


def _judge_int8(artifact: Artifact, machine: Capabilities) -> Verdict:
    if machine.has_onnx_cuda:
        return False, "made for CPUs, and ONNX Runtime has CUDA"
    if not machine.has_vnni:
        return False, "this CPU has no VNNI"
    agreement = f"{artifact.parity.top1_agreement:.1%} of {artifact.parity.num_clips_judged} clips answered as float32"
    if not artifact.parity.agrees:
        return False, f"only {agreement}"
    return True, f"this CPU has VNNI, {agreement}"


def _judge_any(artifact: Artifact, machine: Capabilities) -> Verdict:
    return True, "runs everywhere"


PREFERENCE: dict[str, Callable[[Artifact, Capabilities], Verdict]] = {
    "tensorrt": _judge_tensorrt,
    "onnx-fp16": _judge_fp16,
    "onnx-int8": _judge_int8,
    "onnx": _judge_any,
    "onnx-plugin": _judge_any,
    "torch-fp16": _judge_any,
    "torch": _judge_any,
    "torchserve": _judge_any,
}

ONLY_WHEN_ASKED_FOR = {"torchserve"}
"""Formats that need another server."""


def _has_onnx_cuda() -> bool:
    try:
        from service.backends.onnx_runtime import has_cuda  # noqa: PLC0415
    except ImportError:  # not installed where TorchServe runs the models
        return False
    return has_cuda()


def _has_vnni() -> bool:
    """Return True if the CPU has VNNI (x86: AVX-512 or AVX), by Linux's /proc/cpuinfo."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return bool({"avx512_vnni", "avx_vnni"} & set(flags))

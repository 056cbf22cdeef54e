"""The forms in which a checkpoint is published: how each is made, which backend runs it, and how close it must be."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from export.errors import ExportError, UnavailableHere
from export.graph.calibration import clip_sets, digest_of
from export.graph.onnx_export import OPSET, Flavour, Precision, to_onnx
from service.backends.base import Backend, BackendUnavailable, Clips
from service.backends.tensorrt import Target, find_target
from training.checkpoints.checkpoint import Checkpoint

BASE = "onnx"
"""Made for every model: others are made from it, and every machine runs it."""
BASE_FILE = "model.onnx"
ARCHIVE_FILE = "model.mar"
TIMING_CACHE = Path.home() / ".cache" / "tin-serve" / "tensorrt-timing.cache"
"""How long TensorRT's kernels took here: a second build need not measure them again."""


class Closeness(TypedDict):
    """How close to torch a format must be."""

    tolerance: float | None
    required_top1: float


@dataclass(frozen=True)
class ExportRequest:
    """What is exported. `videos` is a folder or a list of videos to calibrate on; None for rendered clips."""

    name: str
    version: str
    checkpoint: Checkpoint
    videos: Path | None = None


@dataclass(frozen=True)
class Format:
    """One form. `make` gets the folder in which the version is prepared, and returns the file's bytes."""

    name: str
    file: Callable[[], str]
    """Its name in the version's folder; raises UnavailableHere where that depends on a device that is missing."""
    precision: str
    backend: str
    make: Callable[[ExportRequest, Path], bytes]
    open: Callable[[Path], Backend]
    libraries: tuple[str, ...]
    """What decides its bytes, besides our code: package names."""
    tolerance: float | None
    """The largest difference of a logit from torch's; None where only the agreement counts."""
    required_top1: float
    opset: int | None = None
    options: Callable[[ExportRequest], Mapping[str, str]] = lambda subject: {}
    """What else decides its bytes, by name."""
    judged_on: Callable[[ExportRequest], Iterable[Clips]] | None = None
    """Other clips, on which its likeliest labels are compared with the base format's; its offsets are not made then."""
    built_for: Callable[[], Mapping[str, str]] = dict
    """What a machine must have to run it, by name; part of what decides its bytes."""


def named(names: Sequence[str]) -> list[Format]:
    """The formats of these names, the base first; raises ExportError for an unknown one."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise ExportError(f"there is no format {unknown[0]!r}; there are {', '.join(NAMES)}")
    return [form for name, form in FORMATS.items() if name in {BASE, *names}]


def base_graph(subject: ExportRequest, folder: Path) -> bytes:
    """The portable float32 graph: the one in the folder, else a new one."""
    path = folder / BASE_FILE
    return path.read_bytes() if path.exists() else to_onnx(subject.checkpoint)


def _onnx(name: str, file: str, flavour: Flavour, precision: Precision) -> Format:
    return Format(
        name,
        lambda: file,
        precision,
        "onnx_runtime",
        make=lambda subject, folder: to_onnx(subject.checkpoint, flavour, precision),
        open=_open_onnx,
        libraries=("torch", "onnx", "onnxscript", "onnxruntime"),
        opset=OPSET,
        **CLOSENESS[precision],
    )


def _torch(name: str, file: str, precision: Precision) -> Format:
    def make(subject: ExportRequest, folder: Path) -> bytes:
        from export.formats.torch_program import to_torch  # noqa: PLC0415 - torch.export takes seconds to import

        return to_torch(subject.checkpoint, precision)

    return Format(
        name, lambda: file, precision, "torch_eager", make, _open_torch, libraries=("torch",), **CLOSENESS[precision]
    )


def _open_onnx(path: Path) -> Backend:
    from service.backends.onnx_runtime import OnnxRuntimeBackend  # noqa: PLC0415

    return OnnxRuntimeBackend(path, whole_batches=True)


def _open_torch(path: Path) -> Backend:
    from service.backends.torch_program import TorchProgramBackend  # noqa: PLC0415

    return TorchProgramBackend(path)


def _make_int8(subject: ExportRequest, folder: Path) -> bytes:
    from export.graph.int8 import to_int8  # noqa: PLC0415 - imports slowly

    clips = clip_sets(subject.checkpoint, subject.videos).calibration
    return to_int8(base_graph(subject, folder), clips)


def _make_archive(subject: ExportRequest, folder: Path) -> bytes:
    from export.formats.torchserve_archive import to_torchserve  # noqa: PLC0415 - an optional package

    spec, labels = subject.checkpoint.clip, subject.checkpoint.labels
    with tempfile.TemporaryDirectory() as aside:
        graph, archive = Path(aside) / BASE_FILE, Path(aside) / ARCHIVE_FILE
        graph.write_bytes(base_graph(subject, folder))
        to_torchserve(graph, name=subject.name, version=subject.version, spec=spec, labels=labels, out=archive)
        return archive.read_bytes()


def _open_archive(path: Path) -> Backend:
    from export.formats.torchserve_runner import ArchiveBackend  # noqa: PLC0415

    return ArchiveBackend(path)


def _make_engine(subject: ExportRequest, folder: Path) -> bytes:
    from export.formats.tensorrt import to_tensorrt  # noqa: PLC0415 - an optional package

    graph = to_onnx(subject.checkpoint, Flavour.PLUGIN, Precision.FP16)
    TIMING_CACHE.parent.mkdir(parents=True, exist_ok=True)
    return to_tensorrt(graph, Precision.FP16, timing_cache=TIMING_CACHE).plan


def _open_engine(path: Path) -> Backend:
    from service.backends.tensorrt import TensorRTBackend  # noqa: PLC0415

    return TensorRTBackend(path)


def _engine_target() -> Target:
    try:
        return find_target()
    except BackendUnavailable as error:
        raise UnavailableHere(str(error)) from error


CLOSENESS: dict[Precision, Closeness] = {
    Precision.FP32: {"tolerance": 1e-4, "required_top1": 1.0},
    Precision.FP16: {"tolerance": 2e-2, "required_top1": 0.99},
}

FORMATS = {
    form.name: form
    for form in (
        _onnx(BASE, BASE_FILE, Flavour.PORTABLE, Precision.FP32),
        _onnx("onnx-plugin", "model.plugin.onnx", Flavour.PLUGIN, Precision.FP32),
        _onnx("onnx-fp16", "model.fp16.onnx", Flavour.PORTABLE, Precision.FP16),
        Format(
            "onnx-int8",
            lambda: "model.int8.onnx",
            "int8",
            "onnx_runtime",
            _make_int8,
            _open_onnx,
            ("torch", "onnx", "onnxscript", "onnxruntime"),
            tolerance=None,
            required_top1=0.98,
            opset=OPSET,
            options=lambda subject: {"videos": digest_of(subject.videos) if subject.videos else "rendered"},
            judged_on=lambda subject: clip_sets(subject.checkpoint, subject.videos).validation,
        ),
        _torch("torch", "model.pt2", Precision.FP32),
        _torch("torch-fp16", "model.fp16.pt2", Precision.FP16),
        Format(
            "torchserve",
            lambda: ARCHIVE_FILE,
            Precision.FP32,
            "torchserve",
            _make_archive,
            _open_archive,
            ("torch", "onnx", "onnxscript", "onnxruntime", "torch-model-archiver"),
            **CLOSENESS[Precision.FP32],
        ),
        Format(
            "tensorrt",
            lambda: _engine_target().file_name(Precision.FP16),
            Precision.FP16,
            "tensorrt",
            _make_engine,
            _open_engine,
            ("torch", "onnx", "onnxscript"),
            **CLOSENESS[Precision.FP16],
            built_for=lambda: asdict(_engine_target()),
        ),
    )
}

TRITON = "triton"
NAMES = (*FORMATS, TRITON)
"""What may be asked for. Triton runs the base format, and is only told about it: see `export.publishing.sidecars`."""

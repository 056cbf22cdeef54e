"""Catalogue of export formats: how each is made, which backend runs it, and how close to torch it must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypedDict

from export.errors import ExportError, FormatUnavailable
from export.graph.calibration import clip_sets, digest_of
from export.graph.metadata import properties_of, with_properties
from export.graph.onnx_export import OPSET, GraphVariant, check_variant, interlaces, to_onnx
from export.precision import Precision
from service.backends.base import Backend, BackendUnavailable, Clips
from service.backends.contract import SAFE_WEIGHT_BITS
from service.backends.tensorrt import Target, find_target
from training.checkpoints.checkpoint import Checkpoint

BASE = "onnx"
"""Exported for every model: other formats are made from it, and it runs on any machine."""
BASE_FILE = "model.onnx"
ARCHIVE_FILE = "model.mar"
INT8 = "int8"
ONNX_INT8 = "onnx-int8"
INT8_FILE = "model.int8.onnx"
TIMING_CACHE = Path.home() / ".cache" / "tin-serve" / "tensorrt-timings"
"""Timings of TensorRT's kernels on this machine, which make the next build faster."""


class ParityCriteria(TypedDict):
    """Limits that an artifact must keep to be published."""

    tolerance: float | None
    required_top1: float


@dataclass(frozen=True)
class ExportRequest:
    """A checkpoint to export under a model's and a version's name.

    `version` may be empty: `publish` then takes the next number. `videos` is a folder or a list of videos to calibrate
    int8 on; None for rendered clips. `checkpoint_sha256` is the digest of the stored checkpoint's file, in hex; empty
    before it is stored.
    """

    name: str
    version: str
    checkpoint: Checkpoint
    videos: Path | None = None
    checkpoint_sha256: str = ""


@dataclass(frozen=True)
class Format:
    """An export format. `make` returns the file's bytes, given the folder in which the version is prepared."""

    name: str
    file: Callable[[], str]
    """Name of the file in the version's folder; raises FormatUnavailable if it names a device that is missing."""
    precision: str
    backend: str
    make: Callable[[ExportRequest, Path], bytes]
    open: Callable[[Path], Backend]
    libraries: tuple[str, ...]
    """Packages whose version decides the bytes of the file."""
    tolerance: float | None
    """Largest difference from torch's of logits of scale 1 to 10; None if only the agreement counts."""
    required_top1: float
    """Smallest share of clips whose top-1 label must agree."""
    opset: int | None = None
    weight_bits: int | None = None
    """Bits that weights of integers take."""
    source: str = BASE
    """Format whose file it is made from, exported with it."""
    options: Callable[[ExportRequest], Mapping[str, str]] = lambda request: {}
    """Everything else that decides the bytes, by name."""
    validation: Callable[[ExportRequest], Iterable[Clips]] | None = None
    """Clips on which the top-1 labels are compared with the base format's, in place of a test with made offsets."""
    check: Callable[[ExportRequest], object] = lambda request: None
    """Raises, within a second, ExportError for anything that `make` would miss, and FormatUnavailable."""
    built_for: Callable[[], Mapping[str, str]] = dict
    """Requirements of the artifact on the machine that runs it, by name; they decide its bytes too."""


def select_formats(names: Sequence[str]) -> list[Format]:
    """Return the formats of these names, the base format first. Raises ExportError for an unknown name."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise ExportError(f"unknown format {unknown[0]!r}; choose from {', '.join(NAMES)}")
    sources = {FORMATS[name].source for name in names if name in FORMATS}
    return [fmt for name, fmt in FORMATS.items() if name in {BASE, *sources, *names}]


def base_graph(request: ExportRequest, folder: Path) -> bytes:
    """Return the portable float32 graph: the one in the folder if there is one, else a new one."""
    path = folder / BASE_FILE
    return path.read_bytes() if path.exists() else _graph(request, GraphVariant.PORTABLE, Precision.FP32)


def _graph(request: ExportRequest, variant: GraphVariant, precision: Precision) -> bytes:
    return _described(to_onnx(request.checkpoint, variant, precision), request, precision)


def _described(graph: bytes, request: ExportRequest, precision: str, weight_bits: int | None = None) -> bytes:
    properties = properties_of(
        request.checkpoint,
        request.checkpoint_sha256,
        name=request.name,
        version=request.version,
        precision=precision,
        weight_bits=weight_bits,
    )
    return with_properties(graph, properties)


def _onnx(name: str, file: str, variant: GraphVariant, precision: Precision) -> Format:
    return Format(
        name,
        lambda: file,
        precision,
        "onnx_runtime",
        make=lambda request, folder: _graph(request, variant, precision),
        open=_open_onnx,
        libraries=("torch", "onnx", "onnxscript", "onnxruntime"),
        opset=OPSET,
        check=lambda request: check_variant(request.checkpoint, variant),
        **CRITERIA[precision],
    )


def _torch(name: str, file: str, precision: Precision) -> Format:
    def make(request: ExportRequest, folder: Path) -> bytes:
        from export.formats.torch_program import to_torch  # noqa: PLC0415 - torch.export takes seconds to import

        return to_torch(request.checkpoint, precision)

    return Format(
        name, lambda: file, precision, "torch_eager", make, _open_torch, libraries=("torch",), **CRITERIA[precision]
    )


def _open_onnx(path: Path) -> Backend:
    from service.backends.onnx_runtime import OnnxRuntimeBackend  # noqa: PLC0415

    return OnnxRuntimeBackend(path, whole_batches=True)


def _open_torch(path: Path) -> Backend:
    from service.backends.torch_program import TorchProgramBackend  # noqa: PLC0415

    return TorchProgramBackend(path)


def _make_int8(request: ExportRequest, folder: Path) -> bytes:
    from export.graph.int8 import to_int8  # noqa: PLC0415 - imports slowly

    clips = clip_sets(request.checkpoint, request.videos).calibration
    return _described(to_int8(base_graph(request, folder), clips), request, INT8, SAFE_WEIGHT_BITS)


def _make_openvino(request: ExportRequest, folder: Path) -> bytes:
    source = folder / INT8_FILE
    if not source.exists():
        raise ExportError(f"openvino-int8 is the file of {ONNX_INT8}, which was not exported")
    return source.read_bytes()


def _open_openvino(path: Path) -> Backend:
    from service.backends.openvino import OpenVinoBackend  # noqa: PLC0415 - an optional package

    return OpenVinoBackend(path)


def _check_openvino(request: ExportRequest) -> None:
    from service.backends.openvino import import_openvino  # noqa: PLC0415 - an optional package

    try:
        import_openvino()
    except BackendUnavailable as error:
        raise FormatUnavailable(str(error)) from error


def _check_archiver(request: ExportRequest) -> None:
    try:
        from export.formats.torchserve_archive import require_torchserve  # noqa: PLC0415 - an optional package
    except ModuleNotFoundError as error:  # TorchServe's modules may be deleted
        raise FormatUnavailable(f"the format torchserve is not part of this installation: {error}") from error
    require_torchserve()


def _make_archive(request: ExportRequest, folder: Path) -> bytes:
    from export.formats.torchserve_archive import to_torchserve  # noqa: PLC0415 - an optional package

    spec, labels = request.checkpoint.clip, request.checkpoint.labels
    graph = base_graph(request, folder)
    return to_torchserve(graph, name=request.name, version=request.version, spec=spec, labels=labels)


def _open_archive(path: Path) -> Backend:
    from export.formats.torchserve_runner import ArchiveBackend  # noqa: PLC0415

    return ArchiveBackend(path)


def _make_engine(request: ExportRequest, folder: Path) -> bytes:
    from export.formats.tensorrt import to_tensorrt  # noqa: PLC0415 - an optional package

    variant = GraphVariant.PLUGIN if interlaces(request.checkpoint.architecture) else GraphVariant.PORTABLE
    graph = to_onnx(request.checkpoint, variant, Precision.FP16)
    return to_tensorrt(graph, Precision.FP16, timing_cache=TIMING_CACHE).plan


def _check_engine(request: ExportRequest) -> None:
    from export.formats.tensorrt import require_compiler  # noqa: PLC0415 - an optional package

    _engine_target()
    if interlaces(request.checkpoint.architecture):
        require_compiler()


def _open_engine(path: Path) -> Backend:
    from service.backends.tensorrt import TensorRTBackend  # noqa: PLC0415

    return TensorRTBackend(path)


def _engine_target() -> Target:
    try:
        return find_target()
    except BackendUnavailable as error:
        raise FormatUnavailable(str(error)) from error


CRITERIA: dict[Precision, ParityCriteria] = {
    Precision.FP32: {"tolerance": 1e-4, "required_top1": 1.0},
    Precision.FP16: {"tolerance": 2e-2, "required_top1": 0.99},
}

_INT8_FORMAT = Format(
    ONNX_INT8,
    lambda: INT8_FILE,
    INT8,
    "onnx_runtime",
    _make_int8,
    _open_onnx,
    ("torch", "onnx", "onnxscript", "onnxruntime"),
    tolerance=None,
    required_top1=0.98,
    opset=OPSET,
    weight_bits=SAFE_WEIGHT_BITS,
    options=lambda request: {"videos": digest_of(request.videos) if request.videos else "rendered"},
    validation=lambda request: clip_sets(request.checkpoint, request.videos).validation,
    check=lambda request: clip_sets(request.checkpoint, request.videos),
)

FORMATS = {
    fmt.name: fmt
    for fmt in (
        _onnx(BASE, BASE_FILE, GraphVariant.PORTABLE, Precision.FP32),
        _onnx("onnx-plugin", "model.plugin.onnx", GraphVariant.PLUGIN, Precision.FP32),
        _onnx("onnx-fp16", "model.fp16.onnx", GraphVariant.PORTABLE, Precision.FP16),
        _INT8_FORMAT,
        replace(
            _INT8_FORMAT,
            name="openvino-int8",
            file=lambda: "model.int8.openvino.onnx",
            backend="openvino",
            make=_make_openvino,
            open=_open_openvino,
            libraries=(*_INT8_FORMAT.libraries, "openvino"),
            source=ONNX_INT8,
            check=_check_openvino,
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
            **CRITERIA[Precision.FP32],
            check=_check_archiver,
        ),
        Format(
            "tensorrt",
            lambda: _engine_target().file_name(Precision.FP16),
            Precision.FP16,
            "tensorrt",
            _make_engine,
            _open_engine,
            ("torch", "onnx", "onnxscript"),
            **CRITERIA[Precision.FP16],
            check=_check_engine,
            built_for=lambda: asdict(_engine_target()),
        ),
    )
}

TRITON = "triton"
NAMES = (*FORMATS, TRITON)
"""Formats that a user may name. Triton runs the base format; `export.publishing.sidecars` writes its configuration."""

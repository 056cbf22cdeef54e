"""TensorRT backend: an engine that was built for this GPU and TensorRT version.

Each batch size has an execution context with pinned staging buffers, captured once as a CUDA graph. Its shapes never
change, since ahead-of-time plugins leak a module at every change (NVIDIA/TensorRT#4849).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.backends import cuda
from service.backends.base import (
    BackendError,
    BackendUnavailable,
    Clips,
    InferenceFailed,
    Outputs,
    check_clips,
    one_line,
)
from service.backends.batch_sizes import batches_of
from service.backends.contract import (
    INPUT,
    REQUIRED_OUTPUT,
    TensorType,
    known_outputs,
    list_types,
    tensor_types,
)
from service.backends.gpu_health import GpuHealth

DTYPE_NAMES = {"uint8": "UINT8", "float32": "FLOAT"}
"""TensorRT's names of the contract's element types."""


@dataclass(frozen=True)
class Target:
    """GPU and TensorRT version that an engine is built for; it runs on no other."""

    gpu: str
    tensorrt: str

    def file_name(self, precision: str) -> str:
        """Return the engine's file name, such as model-nvidia-l4-fp16-trt11.4.0.106.plan."""
        gpu = re.sub(r"[^a-z0-9]+", "-", self.gpu.lower()).strip("-")
        return f"model-{gpu}-{precision}-trt{self.tensorrt}.plan"


def find_target(gpus: Sequence[int] = (0,)) -> Target:
    """Return the target of these GPUs, which name several kinds; raises BackendUnavailable without TensorRT or one."""
    trt = import_tensorrt()
    with _raising(BackendUnavailable, "no GPU for TensorRT"):
        kinds = dict.fromkeys(cuda.device_name(gpu) for gpu in gpus)
    return Target(" and ".join(kinds), trt.__version__)


def import_tensorrt() -> Any:
    """Import the `tensorrt` module; raises BackendUnavailable when it is not installed."""
    try:
        import tensorrt  # noqa: PLC0415 - optional
    except (ImportError, OSError, RuntimeError) as error:
        hint = "pip install 'tin-serve[tensorrt]', with NVIDIA's own index for its libraries"
        raise BackendUnavailable(f"TensorRT is not installed ({one_line(error)}): {hint}") from error
    return tensorrt


def make_log(trt: Any) -> Any:
    """Make a TensorRT logger that keeps errors in its list `errors` and drops the rest."""

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors.append(one_line(message))

    return Log()


class TensorRTBackend:
    """An engine on the GPU, at the batch sizes of its optimisation profile.

    Args:
        path: Engine that keeps `service.backends.contract`.
        gpu: CUDA's number of the GPU.

    Raises BackendUnavailable without TensorRT or the GPU, and when the engine was built for another kind of GPU or
    version, or breaks the contract.
    """

    def __init__(self, path: Path, gpu: int = 0) -> None:
        trt = import_tensorrt()
        self._gpu, self.device = gpu, cuda.device_of(gpu)
        self._lock = Lock()
        self._health = GpuHealth()
        with _raising(BackendUnavailable, f"TensorRT cannot load {path.name}"), ExitStack() as resources:
            cuda.set_device(gpu)
            engine = _load(trt, path)
            _check_contract(path.name, engine)
            self._clip = tuple(engine.get_tensor_shape(INPUT)[1:])
            stream = cuda.create_stream(resources)
            sizes = sorted({shape[0] for shape in engine.get_tensor_profile_shape(INPUT, 0)})
            self._contexts = {size: _Context(engine, size, stream, resources) for size in sizes}
            self.max_batch_size = max(sizes)
            self._resources = resources.pop_all()

    def infer(self, clips: Clips) -> Outputs:
        """Run the engine on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        check_clips(clips, self._clip)
        with self._lock, self._health.watching(), _raising(InferenceFailed, "TensorRT failed"):
            cuda.set_device(self._gpu)  # of this thread, which may be any
            parts = [self._contexts[size].infer(batch) for batch, size in batches_of(clips, list(self._contexts))]
        return Outputs.joined(parts)

    def check_up(self) -> None:
        """Raise DeviceLost when the GPU runs nothing any more."""
        self._health.check_up()

    def close(self) -> None:
        """Free the engine's memory on the GPU."""
        cuda.set_device(self._gpu)
        self._contexts.clear()
        self._resources.close()


class _Context:
    """Execution context of one batch size: pinned input, CUDA graph, pinned outputs."""

    def __init__(self, engine: Any, size: int, stream: Any, resources: ExitStack) -> None:
        self._stream = stream
        self._context = engine.create_execution_context()
        if self._context is None:
            raise cuda.CudaError(f"no memory on the GPU to run {size} clips at once")
        if not self._context.set_input_shape(INPUT, (size, *engine.get_tensor_shape(INPUT)[1:])):
            raise cuda.CudaError(f"the engine does not take {size} clips at once")
        self._clips, self._clips_on_gpu = self._bind(INPUT, np.uint8, resources)
        self._outputs = {name: self._bind(name, np.float32, resources) for name in _outputs_of(engine)}
        # The first run allocates, which a graph capture must not.
        self._enqueue()
        cuda.call("cudaStreamSynchronize", stream)
        self._graph = cuda.capture(resources, stream, self._enqueue)

    def infer(self, clips: Clips) -> dict[str, NDArray[np.float32]]:
        """Return the outputs, by name, of at most as many clips as the batch size."""
        self._clips[: len(clips)] = clips
        cuda.call("cudaGraphLaunch", self._graph, self._stream)
        cuda.call("cudaStreamSynchronize", self._stream)
        return {name: host[: len(clips)].copy() for name, (host, _) in self._outputs.items()}

    def _bind(self, name: str, dtype: Any, resources: ExitStack) -> tuple[Any, int]:
        host = cuda.allocate_pinned(resources, tuple(self._context.get_tensor_shape(name)), dtype)
        device = cuda.allocate_device(resources, host.nbytes)
        if not self._context.set_tensor_address(name, device):
            raise cuda.CudaError(f"the engine does not take memory for {name}")
        return host, device

    def _enqueue(self) -> None:
        cuda.upload(self._clips, self._clips_on_gpu, self._stream)
        if not self._context.execute_async_v3(int(self._stream)):
            raise cuda.CudaError("the execution context refused to run")
        for host, device in self._outputs.values():
            cuda.download(device, host, self._stream)


@contextmanager
def _raising(kind: type[BackendError], what: str) -> Iterator[None]:
    """Map the exceptions of CUDA and TensorRT to `kind`."""
    try:
        yield
    except (cuda.CudaError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise kind(f"{what}: {one_line(error)}") from error


def _load(trt: Any, path: Path) -> Any:
    log = make_log(trt)
    engine = trt.Runtime(log).deserialize_cuda_engine(path.read_bytes())
    if engine is None:
        raise RuntimeError("; ".join(log.errors) or "it is not an engine for this GPU and TensorRT version")
    return engine


def _tensors_of(engine: Any) -> list[str]:
    return [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]


def _outputs_of(engine: Any) -> tuple[str, ...]:
    return known_outputs(_tensors_of(engine))


def _check_contract(file: str, engine: Any) -> None:
    names = _tensors_of(engine)
    found = {TensorType(name, engine.get_tensor_dtype(name).name, len(engine.get_tensor_shape(name))) for name in names}
    expected = tensor_types({INPUT, REQUIRED_OUTPUT, *_outputs_of(engine)}, DTYPE_NAMES)
    if found != expected:
        extra, missing = list_types(found - expected), list_types(expected - found)
        raise BackendUnavailable(f"{file} has {extra} instead of {missing}")

"""TensorRT backend: an engine that was built for this GPU and TensorRT version.

Each batch size has an execution context of `service.backends.engine`, recorded once as a CUDA graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
    list_types,
    tensor_types,
)
from service.backends.engine.contexts import EngineContext, make_workspace, outputs_of, profiles_of, tensors_of
from service.backends.engine.staging import NUM_SLOTS, Staging
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
    """An engine on the GPU, at the batch sizes of its optimisation profiles.

    The clips of a call are copied to the GPU while another call's run there.

    Args:
        path: Engine that keeps `service.backends.contract`.
        gpu: CUDA's number of the GPU.

    Raises BackendUnavailable without TensorRT or the GPU, and when the engine was built for another kind of GPU or
    version, or breaks the contract.
    """

    calls_at_once = NUM_SLOTS

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
            profiles = profiles_of(engine)
            self.max_batch_size = max(profiles)
            self._staging = Staging(self.max_batch_size, self._clip, resources)
            self._contexts = self._make_contexts(trt, engine, profiles, resources)
            self._resources = resources.pop_all()

    def infer(self, clips: Clips) -> Outputs:
        """Run the engine on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        check_clips(clips, self._clip)
        with self._health.watching(), _raising(InferenceFailed, "TensorRT failed"):
            cuda.set_device(self._gpu)  # of this thread, which may be any
            parts = [self._run(batch, size) for batch, size in batches_of(clips, list(self._contexts))]
        return Outputs.joined(parts)

    def check_up(self) -> None:
        """Raise DeviceLost when the GPU runs nothing any more."""
        self._health.check_up()

    def close(self) -> None:
        """Free the engine's memory on the GPU."""
        cuda.set_device(self._gpu)
        self._contexts.clear()
        self._resources.close()

    def _make_contexts(
        self, trt: Any, engine: Any, profiles: Mapping[int, int], resources: ExitStack
    ) -> dict[int, EngineContext]:
        """Make a context for each batch size, given the numbers of their optimisation profiles."""
        strategy = trt.ExecutionContextAllocationStrategy.USER_MANAGED
        shared = make_workspace(engine, resources), cuda.create_stream(resources), self._staging.slots, resources
        return {size: EngineContext(engine, strategy, size, profile, *shared) for size, profile in profiles.items()}

    def _run(self, clips: Clips, size: int) -> dict[str, NDArray[np.float32]]:
        # outside of the lock, the clips are copied while another batch runs
        with self._staging.staged(clips) as slot, self._lock:
            return self._contexts[size].run(slot, len(clips))


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


def _check_contract(file: str, engine: Any) -> None:
    names = tensors_of(engine)
    found = {TensorType(name, engine.get_tensor_dtype(name).name, len(engine.get_tensor_shape(name))) for name in names}
    expected = tensor_types({INPUT, REQUIRED_OUTPUT, *outputs_of(engine)}, DTYPE_NAMES)
    if found != expected:
        extra, missing = list_types(found - expected), list_types(expected - found)
        raise BackendUnavailable(f"{file} has {extra} instead of {missing}")

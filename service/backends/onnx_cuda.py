"""ONNX Runtime on CUDA: fixed batch sizes, each recorded as a CUDA graph when the model is loaded."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.backends import cuda
from service.backends.base import BackendUnavailable, Clips, InferenceFailed, Outputs, check_clips, one_line
from service.backends.batch_sizes import BATCH_SIZES, batches_of, pad
from service.backends.contract import INPUT
from service.backends.gpu_health import GpuHealth
from service.backends.onnx_runtime import CPU, RUNTIME_ERRORS, open_session, outputs_of
from service.backends.recording import RECORDING

T = TypeVar("T")

CUDA = "CUDAExecutionProvider"

OPTIONS = {
    "enable_cuda_graph": "1",
    # TF32 rounds the operands of float32 convolutions to 10 bits; the parity report was made without
    "use_tf32": "0",
}

logger = logging.getLogger("service")


def was_built_with_cuda() -> bool:
    """Return True if ONNX Runtime was; it says so on machines without a GPU as well."""
    return CUDA in ort.get_available_providers()


def check_gpus(gpus: Sequence[int]) -> None:
    """Raise BackendUnavailable unless ONNX Runtime was built with CUDA and the driver answers for these GPUs."""
    if not was_built_with_cuda():
        raise BackendUnavailable("ONNX Runtime was built without CUDA")
    count = cuda.count_devices()
    if missing := [gpu for gpu in gpus if gpu >= count]:
        found = f"the driver counts {count}" if count else "no NVIDIA driver answers"
        raise BackendUnavailable(f"{cuda.device_of(missing[0])} is not there: {found}")


class OnnxCudaBackend:
    """One session on the GPU, of one thread: inputs and outputs keep their addresses.

    ONNX Runtime keeps recorded graphs, and the handles and workspaces of cuDNN and cuBLAS, for each thread that runs a
    session, until the session ends. Calls may come from any thread.

    Args:
        path: ONNX graph that keeps `service.backends.contract`.
        gpu: CUDA's number of the GPU.
        options: further options of ONNX Runtime's CUDA provider, such as `{"prefer_nhwc": "1"}`.

    Raises BackendUnavailable without CUDA, and when the file is no ONNX graph or breaks the contract.
    """

    max_batch_size = max(BATCH_SIZES)
    calls_at_once = 2
    """The clips of a call are brought together on the caller's thread while those of another run."""

    def __init__(self, path: Path, gpu: int = 0, options: Mapping[str, str] | None = None) -> None:
        self.device = cuda.device_of(gpu)
        self._health = GpuHealth()
        self._thread = ThreadPoolExecutor(1, "onnx-cuda")
        with ExitStack() as on_failure:
            on_failure.callback(self._thread.shutdown)
            try:
                self._session = self._on_thread(_Session, path, gpu, OPTIONS | dict(options or {}))
            except RUNTIME_ERRORS as error:
                failed = f"ONNX Runtime cannot run {path.name} on {self.device}"
                raise BackendUnavailable(f"{failed}: {one_line(error)}") from error
            on_failure.pop_all()

    def infer(self, clips: Clips) -> Outputs:
        """Run the graph on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        check_clips(clips, self._session.clip)
        with self._health.watching():
            try:
                parts = [
                    self._on_thread(self._session.infer, pad(batch, size), len(batch))
                    for batch, size in batches_of(clips)
                ]
            except RUNTIME_ERRORS as error:
                raise InferenceFailed(f"ONNX Runtime failed: {one_line(error)}") from error
        return Outputs.joined(parts)

    def check_up(self) -> None:
        """Raise DeviceLost when the GPU runs nothing any more."""
        self._health.check_up()

    def close(self) -> None:
        """Free the session and its memory on the GPU."""
        self._on_thread(self._session.close)
        self._thread.shutdown()

    def _on_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return self._thread.submit(work, *arguments).result()


class _Session:
    """A session with a recorded graph for each batch size; made, used and closed by one thread."""

    def __init__(self, path: Path, gpu: int, options: Mapping[str, str]) -> None:
        self._gpu = gpu
        with RECORDING.using():
            self._session = _open_on_cuda(path, gpu, options)
        self._outputs = outputs_of(self._session)
        self.clip = tuple(self._session.get_inputs()[0].shape[1:])
        # the largest first, so that the others find room in the memory that it took
        self._graphs = {size: self._record(size) for size in sorted(BATCH_SIZES, reverse=True)}

    def infer(self, clips: Clips, num_clips: int) -> dict[str, NDArray[np.float32]]:
        """Return the outputs, by name, of the first clips of a batch of a recorded size, uint8 [N, T, H, W, 3]."""
        outputs = self._graphs[len(clips)](clips)
        return {name: array[:num_clips] for name, array in zip(self._outputs, outputs, strict=True)}

    def close(self) -> None:
        """Free the session; the object is not used afterwards."""
        self._graphs.clear()
        del self._session

    def _record(self, size: int) -> Callable[[Clips], list[NDArray[np.float32]]]:
        """Bind buffers for one batch size and record its graph; return the function that replays it."""
        clips = np.zeros((size, *self.clip), np.uint8)
        with RECORDING.using():
            on_gpu = ort.OrtValue.ortvalue_from_numpy(clips, "cuda", self._gpu)
            binding = self._bind(on_gpu)
        options = _run_options(str(size))

        def run(clips: Clips) -> list[NDArray[np.float32]]:
            on_gpu.update_inplace(clips)
            self._session.run_with_iobinding(binding, options)
            return [np.asarray(array) for array in binding.copy_outputs_to_cpu()]

        def replay(clips: Clips) -> list[NDArray[np.float32]]:
            with RECORDING.using():
                return run(clips)

        with RECORDING.recording():
            for _ in range(2):  # the first runs record
                run(clips)
        return replay

    def _bind(self, on_gpu: ort.OrtValue) -> ort.IOBinding:
        """Bind input and outputs to memory that stays; a run outside of a graph finds the outputs' shapes."""
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(INPUT, on_gpu)
        for name in self._outputs:
            binding.bind_output(name, "cuda", self._gpu)
        self._session.run_with_iobinding(binding, _run_options("-1"))
        for name, value in zip(self._outputs, binding.get_outputs(), strict=True):
            binding.bind_ortvalue_output(name, value)
        return binding


def _open_on_cuda(path: Path, gpu: int, options: Mapping[str, str]) -> ort.InferenceSession:
    """Open a session; ONNX Runtime itself falls back to the CPU where a library of CUDA is missing."""
    if not was_built_with_cuda():
        raise BackendUnavailable(f"ONNX Runtime was built without CUDA, which {path.name} would run on")
    _preload_libraries()
    session = open_session(path, ort.SessionOptions(), [(CUDA, {**options, "device_id": str(gpu)}), CPU])
    if CUDA not in session.get_providers():
        missing = f"{cuda.device_of(gpu)}, or libraries of CUDA,"
        raise BackendUnavailable(f"ONNX Runtime does not find {missing} for {path.name}")
    return session


def _run_options(graph_id: str) -> ort.RunOptions:
    options = ort.RunOptions()
    options.add_run_config_entry("gpu_graph_id", graph_id)
    return options


def _preload_libraries() -> None:
    """Load CUDA's libraries where pip installed them, which the dynamic linker does not search.

    ONNX Runtime prints what it does not find to standard output.
    """
    if preload := getattr(ort, "preload_dlls", None):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            preload()
        for line in said.getvalue().splitlines():
            logger.warning("ONNX Runtime: %s", line)

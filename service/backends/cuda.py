"""CUDA runtime API by NVIDIA's cuda-bindings: memory, streams and graphs, without torch.

Everything allocated is freed when the ExitStack passed with the call closes. The functions are named as in the manual
of the CUDA Runtime API.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

DRIVER = "libcuda.so.1"


class CudaError(Exception):
    """CUDA is unavailable, or one of its functions failed; the message names it."""


def call(function: str, *arguments: Any) -> Any:
    """Call a function of the CUDA runtime; returns its result without the status. Raises CudaError."""
    runtime = _runtime()
    status, *results = getattr(runtime, function)(*arguments)
    if status:
        _, text = runtime.cudaGetErrorString(status)
        raise CudaError(f"{function}: {text.decode()}")
    return results[0] if results else None


def count_devices() -> int:
    """Return the number of GPUs that the driver answers for; 0 without a driver. Needs no package."""
    try:
        driver = ctypes.CDLL(DRIVER)
        count = ctypes.c_int()
        failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    except (OSError, AttributeError):
        return 0
    return 0 if failed else count.value


def device_of(gpu: int) -> str:
    """Return the name of a GPU's number, such as cuda:0."""
    return f"cuda:{gpu}"


def device_name(gpu: int = 0) -> str:
    """Return the GPU's name as its driver reports it; raises CudaError without such a GPU."""
    name: bytes = call("cudaGetDeviceProperties", gpu).name
    return name.rstrip(b"\0").decode()


def set_device(gpu: int) -> None:
    """Make a GPU the one that this thread allocates on and sends work to."""
    call("cudaSetDevice", gpu)


def allocate_pinned(resources: ExitStack, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Allocate page-locked host memory, which the GPU copies from and to directly."""
    num_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    address = call("cudaHostAlloc", num_bytes, 0)
    resources.callback(call, "cudaFreeHost", address)
    memory = np.ctypeslib.as_array((ctypes.c_uint8 * num_bytes).from_address(address))
    return memory.view(dtype).reshape(shape)


def allocate_device(resources: ExitStack, num_bytes: int) -> int:
    """Allocate device memory; returns its address."""
    address = call("cudaMalloc", num_bytes)
    resources.callback(call, "cudaFree", address)
    return int(address)


def create_stream(resources: ExitStack) -> Any:
    """Create a stream that does not synchronise with the default stream."""
    stream = call("cudaStreamCreateWithFlags", 1)
    resources.callback(call, "cudaStreamDestroy", stream)
    return stream


def create_event(resources: ExitStack) -> Any:
    """Create an event that orders streams and takes no time."""
    event = call("cudaEventCreateWithFlags", 2)
    resources.callback(call, "cudaEventDestroy", event)
    return event


def record_event(event: Any, stream: Any) -> None:
    """Enqueue an event, which happens when the work before it on the stream is done."""
    call("cudaEventRecord", event, stream)


def wait_for_event(event: Any, stream: Any) -> None:
    """Let the work that is enqueued on a stream from now on begin after an event."""
    call("cudaStreamWaitEvent", stream, event, 0)


def upload(host: NDArray[Any], device: int, stream: Any) -> None:
    """Enqueue a copy from pinned memory to the device."""
    _copy(device, host.ctypes.data, host.nbytes, "cudaMemcpyHostToDevice", stream)


def download(device: int, host: NDArray[Any], stream: Any) -> None:
    """Enqueue a copy from the device to pinned memory."""
    _copy(host.ctypes.data, device, host.nbytes, "cudaMemcpyDeviceToHost", stream)


def capture(resources: ExitStack, stream: Any, enqueue: Callable[[], None]) -> Any:
    """Capture the work that `enqueue` puts on the stream as an executable graph; nothing runs."""
    mode = _runtime().cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
    call("cudaStreamBeginCapture", stream, mode)
    try:
        enqueue()
    finally:
        graph = call("cudaStreamEndCapture", stream)
    resources.callback(call, "cudaGraphDestroy", graph)
    executable = call("cudaGraphInstantiate", graph, 0)
    resources.callback(call, "cudaGraphExecDestroy", executable)
    return executable


def _copy(target: int, source: int, num_bytes: int, kind: str, stream: Any) -> None:
    call("cudaMemcpyAsync", target, source, num_bytes, getattr(_runtime().cudaMemcpyKind, kind), stream)


def _runtime() -> Any:
    try:
        from cuda.bindings import runtime  # noqa: PLC0415 - optional
    except ImportError as error:
        raise CudaError(f"cuda-bindings is not installed ({error})") from error
    return runtime

"""Execution contexts of an engine: one for each batch size, with its own optimisation profile and recorded graphs.

A context's shapes never change, since ahead-of-time plugins leak a module at every change (NVIDIA/TensorRT#4849). The
contexts run in turn, so that they share the memory for activations.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.backends import cuda
from service.backends.contract import INPUT, known_outputs
from service.backends.engine.staging import Slot


class Workspace(NamedTuple):
    """Device memory for the activations of whichever context runs; sizes in bytes."""

    address: int
    size: int


def make_workspace(engine: Any, resources: ExitStack) -> Workspace:
    """Allocate memory for the largest of an engine's optimisation profiles. Raises CudaError."""
    size = engine.device_memory_size_v2
    return Workspace(cuda.allocate_device(resources, size), size)


def profiles_of(engine: Any) -> dict[int, int]:
    """Return the batch sizes of an engine in ascending order, each with the optimisation profile that suits it best.

    A profile is tuned for its second shape, so that one that is tuned for a size comes before one that only takes it.
    """
    shapes = [engine.get_tensor_profile_shape(INPUT, index) for index in range(engine.num_optimization_profiles)]
    tuned = {best[0]: index for index, (_, best, _) in enumerate(shapes)}
    taken = {shape[0]: index for index, each in enumerate(shapes) for shape in each}
    return dict(sorted((taken | tuned).items()))


class EngineContext:
    """Execution context of one batch size: a graph for each slot of the staging, and pinned outputs.

    Args:
        engine: TensorRT's engine.
        strategy: TensorRT's constant for contexts without memory of their own.
        size: batch size.
        profile: number of the optimisation profile.
        workspace: memory that is shared with contexts that do not run at the same time.
        stream: stream on which the context runs.
        slots: memory of the input.
        resources: owner of the memory and the graphs.

    Raises CudaError where TensorRT refuses.
    """

    def __init__(
        self,
        engine: Any,
        strategy: Any,
        size: int,
        profile: int,
        workspace: Workspace,
        stream: Any,
        slots: Sequence[Slot],
        resources: ExitStack,
    ) -> None:
        self._stream = stream
        self._context = engine.create_execution_context(strategy)
        _require(self._context is not None, f"no memory on the GPU to run {size} clips at once")
        self._context.set_device_memory(*workspace)
        is_chosen = self._context.set_optimization_profile_async(profile, int(stream))
        _require(is_chosen, f"the engine has no optimisation profile {profile}")
        is_taken = self._context.set_input_shape(INPUT, (size, *engine.get_tensor_shape(INPUT)[1:]))
        _require(is_taken, f"the engine does not take {size} clips at once")
        self._outputs = {name: self._allocate(name, resources) for name in outputs_of(engine)}
        self._graphs = {slot: self._record(slot, resources) for slot in slots}

    def run(self, slot: Slot, num_clips: int) -> dict[str, NDArray[np.float32]]:
        """Return the outputs, by name, of a slot's clips, at most as many as the batch size. Raises CudaError."""
        cuda.wait_for_event(slot.staged, self._stream)
        cuda.call("cudaGraphLaunch", self._graphs[slot], self._stream)
        cuda.call("cudaStreamSynchronize", self._stream)
        return {name: host[:num_clips].copy() for name, (host, _) in self._outputs.items()}

    def _allocate(self, name: str, resources: ExitStack) -> tuple[NDArray[np.float32], int]:
        host = cuda.allocate_pinned(resources, tuple(self._context.get_tensor_shape(name)), np.float32)
        device = cuda.allocate_device(resources, host.nbytes)
        self._bind(name, device)
        return host, device

    def _record(self, slot: Slot, resources: ExitStack) -> Any:
        self._bind(INPUT, slot.device)
        # The first run allocates, which a graph capture must not.
        self._enqueue()
        cuda.call("cudaStreamSynchronize", self._stream)
        return cuda.capture(resources, self._stream, self._enqueue)

    def _bind(self, name: str, device: int) -> None:
        _require(self._context.set_tensor_address(name, device), f"the engine does not take memory for {name}")

    def _enqueue(self) -> None:
        _require(self._context.execute_async_v3(int(self._stream)), "the execution context refused to run")
        for host, device in self._outputs.values():
            cuda.download(device, host, self._stream)


def tensors_of(engine: Any) -> list[str]:
    """Return the names of an engine's inputs and outputs."""
    return [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]


def outputs_of(engine: Any) -> tuple[str, ...]:
    """Return the names of the contract's outputs that an engine has."""
    return known_outputs(tensors_of(engine))


def _require(is_done: bool, otherwise: str) -> None:
    if not is_done:
        raise cuda.CudaError(otherwise)

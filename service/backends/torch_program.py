"""PyTorch backend: runs the program that `export.formats.torch_program` saved, on CUDA if there is a GPU.

On CUDA the weights of convolutions are channels-last, and a few batch sizes are recorded as CUDA graphs at load: a call
costs one launch.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.export.passes import move_to_device_pass

from service.backends import cuda
from service.backends.base import BackendUnavailable, Clips, InferenceFailed, Outputs, check_clips, one_line
from service.backends.batch_sizes import BATCH_SIZES, batches_of, pad
from service.backends.gpu_health import GpuHealth
from service.backends.recording import RECORDING

Arrays = dict[str, NDArray[np.float32]]
"""Outputs by their names in `service.backends.contract`."""

RUNS_BEFORE_RECORDING = 3
"""Libraries initialise themselves in the first runs, which a recording does not allow."""


class TorchProgramBackend:
    """A saved program, shared by all threads.

    Args:
        path: What `export.formats.torch_program` saved.
        num_threads: CPU threads; 0 leaves them to torch.
        gpu: CUDA's number of the GPU; None for the CPU, which is also taken where torch finds no GPU at all.

    Raises BackendUnavailable when torch cannot load the file, or has other GPUs only.
    """

    def __init__(self, path: Path, num_threads: int = 0, gpu: int | None = 0) -> None:
        if num_threads:
            torch.set_num_threads(num_threads)
        gpu = gpu if torch.cuda.is_available() else None
        self.device = "cpu" if gpu is None else cuda.device_of(gpu)
        try:
            program = torch.export.load(path)
            self._clip = _shape_of_clip(program)
            module = move_to_device_pass(program, self.device).module()
            self._run = _EagerProgram(module) if gpu is None else _RecordedProgram(module, self._clip, gpu)
        except Exception as error:  # torch.export.load raises nearly any exception for a file that is not a program
            raise BackendUnavailable(f"torch cannot load {path.name}: {one_line(error)[:300]}") from error
        self.max_batch_size = 1 if gpu is None else max(BATCH_SIZES)
        self._health = GpuHealth()
        self._watching = nullcontext if gpu is None else self._health.watching

    def infer(self, clips: Clips) -> Outputs:
        """Run the program on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        check_clips(clips, self._clip)
        with self._watching():
            try:
                return self._run(clips)
            except (RuntimeError, TypeError, ValueError, AssertionError) as error:
                raise InferenceFailed(f"torch failed: {one_line(error)[:300]}") from error

    def check_up(self) -> None:
        """Raise DeviceLost when the GPU runs nothing any more."""
        self._health.check_up()

    def close(self) -> None:
        """Free the program and its weights."""
        del self._run


class _EagerProgram:
    def __init__(self, module: torch.nn.Module) -> None:
        self._module = module

    @torch.inference_mode()
    def __call__(self, clips: Clips) -> Outputs:
        outputs = self._module(torch.from_numpy(np.ascontiguousarray(clips)))
        return Outputs(**{name: tensor.numpy() for name, tensor in outputs.items()})


class _RecordedProgram:
    """A CUDA graph for each batch size, all in one pool of memory; one call at a time."""

    def __init__(self, module: torch.nn.Module, clip: tuple[int, ...], gpu: int) -> None:
        self._module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._gpu = gpu
        self._lock = Lock()
        with torch.cuda.device(gpu):
            self._pool = torch.cuda.graph_pool_handle()
            # the largest first: the others find room in its memory
            sizes = sorted(BATCH_SIZES, reverse=True)
            self._graphs = {
                size: self._record(torch.zeros(size, *clip, dtype=torch.uint8, device="cuda")) for size in sizes
            }

    @torch.inference_mode()
    def __call__(self, clips: Clips) -> Outputs:
        with self._lock, torch.cuda.device(self._gpu), RECORDING.using():
            return Outputs.joined([self._replay(batch, size) for batch, size in batches_of(clips)])

    def _replay(self, clips: Clips, size: int) -> Arrays:
        graph, inputs, outputs = self._graphs[size]
        inputs.copy_(torch.from_numpy(pad(clips, size)))
        graph.replay()
        return {name: tensor[: len(clips)].cpu().numpy() for name, tensor in outputs.items()}

    @torch.inference_mode()
    def _record(self, inputs: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, dict[str, Tensor]]:
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with RECORDING.using(), torch.cuda.stream(stream):
            for _ in range(RUNS_BEFORE_RECORDING):
                self._module(inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        recorded = torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local")
        with RECORDING.recording(), recorded:
            outputs = self._module(inputs)
        return graph, inputs, outputs


def _shape_of_clip(program: torch.export.ExportedProgram) -> tuple[int, ...]:
    """Return [T, H, W, 3], the sizes of the program's input behind the batch."""
    (name,) = program.graph_signature.user_inputs
    (node,) = (node for node in program.graph.nodes if node.name == name)
    return tuple(int(size) for size in node.meta["val"].shape[1:])

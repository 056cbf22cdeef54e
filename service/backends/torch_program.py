"""PyTorch backend: runs the program that `export.formats.torch_program` saved, on CUDA if there is a GPU.

On CUDA the weights of convolutions are channels-last, and each batch size is captured as a CUDA graph at its first use,
so that a call costs one launch.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.export.passes import move_to_device_pass

from service.backends.base import BackendUnavailable, Clips, InferenceFailed, Outputs, one_line

Tensors = dict[str, Tensor]
"""Outputs by their names in `service.backends.contract`."""

MAX_BATCH_SIZE_ON_CUDA = 16


class TorchProgramBackend:
    """A saved program, shared by all threads. `num_threads` 0 leaves the number of CPU threads to torch.

    Raises BackendUnavailable when torch cannot load the file.
    """

    def __init__(self, path: Path, num_threads: int = 0) -> None:
        if num_threads:
            torch.set_num_threads(num_threads)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            module = move_to_device_pass(torch.export.load(path), device).module()
        except Exception as error:  # torch.export.load raises nearly any exception for a file that is not a program
            raise BackendUnavailable(f"torch cannot load {path.name}: {one_line(error)[:300]}") from error
        self.max_batch_size = MAX_BATCH_SIZE_ON_CUDA if device == "cuda" else 1
        self._run = _CapturedProgram(module) if device == "cuda" else _EagerProgram(module)

    def infer(self, clips: Clips) -> Outputs:
        """Run the program on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        try:
            outputs = self._run(torch.from_numpy(np.ascontiguousarray(clips)))
        except (RuntimeError, TypeError, ValueError, AssertionError) as error:
            raise InferenceFailed(f"torch failed: {one_line(error)[:300]}") from error
        return Outputs(**{name: tensor.numpy() for name, tensor in outputs.items()})

    def close(self) -> None:
        """Free the program and its weights."""
        del self._run


class _EagerProgram:
    def __init__(self, module: torch.nn.Module) -> None:
        self._module = module

    @torch.inference_mode()
    def __call__(self, clips: Tensor) -> Tensors:
        outputs: Tensors = self._module(clips)
        return outputs


class _CapturedProgram:
    """One CUDA graph per batch size, with its own buffers; one call at a time."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._graphs: dict[torch.Size, tuple[torch.cuda.CUDAGraph, Tensor, Tensors]] = {}
        self._lock = threading.Lock()

    @torch.inference_mode()
    def __call__(self, clips: Tensor) -> Tensors:
        with self._lock:
            if clips.shape not in self._graphs:
                self._graphs[clips.shape] = self._capture(clips)
            graph, inputs, outputs = self._graphs[clips.shape]
            inputs.copy_(clips)
            graph.replay()
            return {name: tensor.cpu() for name, tensor in outputs.items()}

    def _capture(self, clips: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Tensors]:
        inputs = clips.cuda()
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # libraries initialise themselves in these runs, which a capture does not allow
            for _ in range(3):
                self._module(inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = self._module(inputs)
        return graph, inputs, outputs

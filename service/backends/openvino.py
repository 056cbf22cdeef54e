"""OpenVINO backend: runs an ONNX graph on the CPU, compiled for one clip, a clip on each core at once."""

from __future__ import annotations

import queue
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from clips.cpu_quota import usable_cores
from service.backends.base import BackendUnavailable, Clips, InferenceFailed, Outputs, check_clips, one_line
from service.backends.contract import INPUT, REQUIRED_OUTPUT, TensorType, known_outputs, list_types, tensor_types

DTYPE_NAMES = {"uint8": "u8", "float32": "f32"}
"""OpenVINO's names of the contract's element types."""


def import_openvino() -> Any:
    """Import the `openvino` module, without its telemetry; raises BackendUnavailable when it is not installed."""
    # Its import would store an identifier of this machine, and report itself to its maker.
    cast("dict[str, Any]", sys.modules).setdefault("openvino_telemetry", None)
    try:
        import openvino  # noqa: PLC0415 - optional
    except ImportError as error:
        raise BackendUnavailable("OpenVINO is not installed: pip install 'tin-serve[openvino]'") from error
    return openvino


class OpenVinoBackend:
    """One compiled graph, shared by all threads, with a request for each clip that may run at once.

    The graph is compiled for exactly one clip, which is faster than for any number, so that the clips of a call run one
    by one; each on one core, as many at once as there are cores.

        OpenVinoBackend(Path("model.int8.openvino.onnx")).infer(np.zeros((1, 8, 224, 224, 3), np.uint8)).logits

    Args:
        path: ONNX graph that keeps `service.backends.contract`.
        num_cores: clips at once; 0 for one on each usable core.

    Raises BackendUnavailable without OpenVINO, and when the file is no ONNX graph or breaks the contract.
    """

    def __init__(self, path: Path, num_cores: int = 0) -> None:
        self.max_batch_size = num_cores or usable_cores()
        self._compiled = _compile(path, self.max_batch_size)
        self._outputs = _outputs_of(self._compiled)
        self._clip = tuple(self._compiled.input(INPUT).shape)[1:]
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(self.max_batch_size):
            self._idle.put(self._compiled.create_infer_request())
        self._threads = ThreadPoolExecutor(self.max_batch_size, "openvino")

    def infer(self, clips: Clips) -> Outputs:
        """Run the graph on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        check_clips(clips, self._clip)
        one_by_one = np.array_split(np.ascontiguousarray(clips), max(1, len(clips)))
        try:
            several = len(one_by_one) > 1
            outputs = list(self._threads.map(self._run, one_by_one)) if several else [self._run(one_by_one[0])]
        except (RuntimeError, TypeError, ValueError) as error:
            raise InferenceFailed(f"OpenVINO failed: {one_line(error)}") from error
        return Outputs.joined(outputs)

    def close(self) -> None:
        """Free the compiled graph and its weights."""
        self._threads.shutdown(wait=False)
        del self._compiled, self._idle

    def _run(self, clip: Clips) -> dict[str, NDArray[np.float32]]:
        request = self._idle.get()
        try:
            request.infer({INPUT: clip}, share_inputs=True)
            return {name: np.array(request.get_tensor(name).data) for name in self._outputs}
        finally:
            self._idle.put(request)


def _compile(path: Path, num_cores: int) -> Any:
    core = import_openvino().Core()
    options = {
        "INFERENCE_PRECISION_HINT": "f32",  # of what is not int8: bfloat16 was never proven
        "NUM_STREAMS": num_cores,
        "INFERENCE_NUM_THREADS": num_cores,
        "ENABLE_CPU_PINNING": False,  # decoders run on the same cores
    }
    try:
        graph = core.read_model(path)
        _check_contract(path.name, graph)
        graph.reshape({INPUT: [1, *(size.get_length() for size in list(graph.input(INPUT).partial_shape)[1:])]})
        return core.compile_model(graph, "CPU", options)
    except RuntimeError as error:
        raise BackendUnavailable(f"OpenVINO cannot load {path.name}: {one_line(error)[:300]}") from error


def _check_contract(file: str, graph: Any) -> None:
    inputs, expected = _types_of(graph.inputs), tensor_types([INPUT], DTYPE_NAMES)
    if inputs != expected:
        raise BackendUnavailable(f"{file} takes {list_types(inputs)}, not {list_types(expected)}")
    outputs = {REQUIRED_OUTPUT, *_outputs_of(graph)}
    missing = tensor_types(outputs, DTYPE_NAMES) - _types_of(graph.outputs)
    if missing:
        raise BackendUnavailable(f"{file} does not return {list_types(missing)}")


def _outputs_of(graph: Any) -> tuple[str, ...]:
    return known_outputs(output.get_any_name() for output in graph.outputs)


def _types_of(values: list[Any]) -> set[TensorType]:
    return {
        TensorType(value.get_any_name(), value.element_type.get_type_name(), len(value.partial_shape))
        for value in values
    }

"""ONNX Runtime on the CPU: the backend of the base install."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from service.backends.base import BackendUnavailable, Clips, InferenceFailed, Outputs

INPUT = ("clips", "tensor(uint8)", 5)
"""Name, type and rank of the graph's only input, [N, T, H, W, 3]."""

OUTPUTS = (("logits", "tensor(float)", 2), ("offsets", "tensor(float)", 3), ("weights", "tensor(float)", 4))
"""Name, type and rank of what the graph must return: [N, K], [N, B, 2] and [N, B, T, 2]."""

_RUNTIME_ERRORS = (
    ort_errors.EPFail,
    ort_errors.EngineError,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    RuntimeError,
    ValueError,
)


class OnnxRuntimeBackend:
    """One session, shared by all threads. `num_threads` 0 lets ONNX Runtime take one thread per core.

    Raises BackendUnavailable when the file is no ONNX graph, or not one of our contract.
    """

    def __init__(self, path: Path, num_threads: int = 0) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except _RUNTIME_ERRORS as error:
            raise BackendUnavailable(f"ONNX Runtime cannot load {path.name}: {_one_line(error)}") from error
        _check_contract(path.name, self._session)

    def infer(self, clips: Clips) -> Outputs:
        """Run the graph on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        names = [name for name, _, _ in OUTPUTS]
        try:
            logits, offsets, weights = self._session.run(names, {INPUT[0]: clips})
        except _RUNTIME_ERRORS as error:
            raise InferenceFailed(f"ONNX Runtime failed: {_one_line(error)}") from error
        return Outputs(np.asarray(logits), np.asarray(offsets), np.asarray(weights))

    def close(self) -> None:
        """Drop the session, and with it the weights."""
        del self._session


def _check_contract(file: str, session: ort.InferenceSession) -> None:
    inputs = _signature(session.get_inputs())
    if inputs != {INPUT}:
        raise BackendUnavailable(f"{file} takes {_listed(inputs)}, not {_listed({INPUT})}")
    missing = set(OUTPUTS) - _signature(session.get_outputs())
    if missing:
        raise BackendUnavailable(f"{file} does not return {_listed(missing)}")


def _signature(values: list[ort.NodeArg]) -> set[tuple[str, str, int]]:
    return {(value.name, value.type, len(value.shape)) for value in values}


def _listed(signature: set[tuple[str, str, int]]) -> str:
    return ", ".join(f"{name}: {kind} of rank {rank}" for name, kind, rank in sorted(signature)) or "nothing"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())

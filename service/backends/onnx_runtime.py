"""ONNX Runtime on the CPU: the default backend."""

from __future__ import annotations

import math
import os
import timeit
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from clips.cpu_quota import usable_cores
from service.backends.base import BackendUnavailable, Clips, InferenceFailed, Outputs, one_line
from service.backends.contract import (
    INPUT,
    REQUIRED_OUTPUT,
    SAFE_WEIGHT_BITS,
    WEIGHT_BITS,
    TensorType,
    known_outputs,
    list_types,
    tensor_types,
)

DTYPE_NAMES = {"uint8": "tensor(uint8)", "float32": "tensor(float)"}
"""ONNX Runtime's names of the contract's element types."""

RUNTIME_ERRORS = (
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
"""Exceptions that ONNX Runtime raises for a graph or its inputs."""

FLOATS = ("fp32", "fp16")
"""Precisions of graphs without integers, as their metadata gives them."""

SECONDS_WORTH_SHARING = 0.05
"""Above this time per clip on all cores, all cores are used without comparing."""

WORTHWHILE_SPEEDUP = 1.25
"""Speed-up over one core from which on a shorter clip gets all cores."""

CPU = "CPUExecutionProvider"


class OnnxRuntimeBackend:
    """One session on the CPU, shared by all threads.

    The clips of a call run one by one: a batch of them is no faster, and the views of one video may be twenty.

        OnnxRuntimeBackend(Path("model.onnx")).infer(np.zeros((1, 8, 224, 224, 3), np.uint8)).logits

    Args:
        path: ONNX graph that keeps `service.backends.contract`.
        num_threads: intra-op threads. 0 uses all cores: for one clip after the other, or, where a clip gains too little
            from several cores, for as many clips at once.
        whole_batches: run the clips of a call as one batch, as servers do that form batches.

    Raises BackendUnavailable when the file is no ONNX graph, or breaks the contract.
    """

    def __init__(self, path: Path, num_threads: int = 0, *, whole_batches: bool = False) -> None:
        self._session, clips_at_once = _open_fitting(path, num_threads)
        self._outputs = outputs_of(self._session)
        self._whole_batches = whole_batches
        self.max_batch_size = 1 if whole_batches else clips_at_once
        self._threads = ThreadPoolExecutor(self.max_batch_size, "onnx")

    def infer(self, clips: Clips) -> Outputs:
        """Run the graph on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        parts = [clips] if self._whole_batches else np.array_split(clips, max(1, len(clips)))
        try:
            outputs = [self._run(clips)] if len(parts) == 1 else list(self._threads.map(self._run, parts))
        except RUNTIME_ERRORS as error:
            raise InferenceFailed(f"ONNX Runtime failed: {one_line(error)}") from error
        return Outputs.joined(outputs)

    def close(self) -> None:
        """Free the session and its weights."""
        self._threads.shutdown(wait=False)
        del self._session

    def _run(self, clips: Clips) -> dict[str, NDArray[np.float32]]:
        arrays = self._session.run(self._outputs, {INPUT: clips})
        return {name: np.asarray(array) for name, array in zip(self._outputs, arrays, strict=True)}


def _default_threads() -> int:
    # With all cores allowed ONNX Runtime counts better itself: it knows which are hyperthreads of one core.
    usable = usable_cores()
    return 0 if usable == os.cpu_count() else usable


def _open_on_cpu(path: Path, num_threads: int) -> ort.InferenceSession:
    # Where int8 weights take all 8 bits and the CPU has no VNNI, pairs of products overflow 16 bits: slower
    # instructions are exact there. The graph itself tells, once it is open.
    session = open_session(path, _cpu_options(num_threads, exact_sums=False), [CPU])
    if not _may_overflow(session):
        return session
    return open_session(path, _cpu_options(num_threads, exact_sums=True), [CPU])


def _may_overflow(session: ort.InferenceSession) -> bool:
    properties = session.get_modelmeta().custom_metadata_map
    weight_bits = int(properties.get(WEIGHT_BITS, "8"))
    return properties.get("precision") not in FLOATS and weight_bits > SAFE_WEIGHT_BITS


def _cpu_options(num_threads: int, *, exact_sums: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = num_threads
    # Spinning threads take the cores from the decoders: 12.9 ms of CPU time per clip instead of 7.5.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.x64quantprecision", str(int(exact_sums)))
    return options


def _open_fitting(path: Path, num_threads: int) -> tuple[ort.InferenceSession, int]:
    """Open a session; returns it with the number of clips to run at once.

    A small graph gains little from several threads, which wait for each other and keep decoders waiting.
    """
    if num_threads:
        return _open_on_cpu(path, num_threads), 1
    shared = _open_on_cpu(path, _default_threads())
    seconds = _seconds_to_run(shared)
    if seconds > SECONDS_WORTH_SHARING:
        return shared, 1
    alone = _open_on_cpu(path, num_threads=1)
    return (shared, 1) if seconds * WORTHWHILE_SPEEDUP < _seconds_to_run(alone) else (alone, usable_cores())


def _seconds_to_run(session: ort.InferenceSession) -> float:
    """Time one black clip: the shortest of three runs after a warm-up; infinite for a graph of dynamic sizes."""
    sizes = session.get_inputs()[0].shape[1:]
    if not all(isinstance(size, int) for size in sizes):
        return math.inf
    clip = np.zeros((1, *sizes), np.uint8)
    try:
        session.run(None, {INPUT: clip})
        return min(timeit.repeat(lambda: session.run(None, {INPUT: clip}), number=1, repeat=3))
    except RUNTIME_ERRORS as error:
        raise BackendUnavailable(f"ONNX Runtime cannot run a clip: {one_line(error)}") from error


def open_session(path: Path, options: ort.SessionOptions, providers: list[Any]) -> ort.InferenceSession:
    """Load a graph; raises BackendUnavailable when it is none, or breaks the contract."""
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(path, options, providers=providers)
    except RUNTIME_ERRORS as error:
        raise BackendUnavailable(f"ONNX Runtime cannot load {path.name}: {one_line(error)}") from error
    _check_contract(path.name, session)
    return session


def _check_contract(file: str, session: ort.InferenceSession) -> None:
    inputs, expected = _types_of(session.get_inputs()), tensor_types([INPUT], DTYPE_NAMES)
    if inputs != expected:
        raise BackendUnavailable(f"{file} takes {list_types(inputs)}, not {list_types(expected)}")
    outputs = {REQUIRED_OUTPUT, *outputs_of(session)}
    missing = tensor_types(outputs, DTYPE_NAMES) - _types_of(session.get_outputs())
    if missing:
        raise BackendUnavailable(f"{file} does not return {list_types(missing)}")


def outputs_of(session: ort.InferenceSession) -> tuple[str, ...]:
    """Return the names of the contract's outputs that the graph has."""
    return known_outputs(output.name for output in session.get_outputs())


def _types_of(values: list[ort.NodeArg]) -> set[TensorType]:
    return {TensorType(value.name, value.type, len(value.shape)) for value in values}

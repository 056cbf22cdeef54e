"""ONNX Runtime on the CPU: the default backend."""

from __future__ import annotations

import math
import os
import timeit
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import finalize

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
from service.backends.heap import give_back_freed_memory

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
    """A graph on the CPU, shared by all threads.

    The clips of a call run one by one: a batch of them is no faster, and the views of one video may be twenty. As many
    as there are cores run at once, on a core each, which takes a seventh less CPU time than all cores for each. What
    is left gets all cores for each, except where a clip gains too little from them.

        OnnxRuntimeBackend(Path("model.onnx")).infer(np.zeros((1, 8, 224, 224, 3), np.uint8)).logits

    Args:
        path: ONNX graph that keeps `service.backends.contract`.
        num_threads: intra-op threads, for one clip after the other. 0 uses all cores.
        whole_batches: run the clips of a call as one batch, as servers do that form batches.

    Raises BackendUnavailable when the file is no ONNX graph, or breaks the contract.
    """

    def __init__(self, path: Path, num_threads: int = 0, *, whole_batches: bool = False) -> None:
        self._session, per_core = _open_fitting(path, num_threads)
        self._outputs = outputs_of(self._session)
        self._whole_batches = whole_batches
        self._gains_from_cores = per_core is not self._session
        self.max_batch_size = 1 if num_threads or whole_batches else usable_cores()
        self._threads = ThreadPoolExecutor(self.max_batch_size, "onnx")
        self._per_core = _SessionPerCore(path, per_core, self._threads)

    def infer(self, clips: Clips) -> Outputs:
        """Run the graph on uint8 clips [N, T, H, W, 3]; raises InferenceFailed."""
        parts = [clips] if self._whole_batches else np.array_split(clips, max(1, len(clips)))
        try:
            return Outputs.joined(self._run_all(parts))
        except RUNTIME_ERRORS as error:
            raise InferenceFailed(f"ONNX Runtime failed: {one_line(error)}") from error

    def close(self) -> None:
        """Free the sessions and their weights."""
        self._threads.shutdown(wait=False)
        self._per_core.close()
        del self._session, self._per_core

    def _run_all(self, parts: list[Clips]) -> list[dict[str, NDArray[np.float32]]]:
        num_at_once = self._num_at_once(len(parts))
        session = self._per_core.get() if num_at_once else None
        if session is None:
            return [self._run(part, self._session) for part in parts]
        outputs = list(self._threads.map(lambda part: self._run(part, session), parts[:num_at_once]))
        return outputs + [self._run(part, self._session) for part in parts[num_at_once:]]

    def _num_at_once(self, num_clips: int) -> int:
        """Return how many clips of a call run on a core each; a graph that gains from several leaves none idle."""
        if num_clips == 1 or self.max_batch_size == 1:
            return 0
        return num_clips - num_clips % self.max_batch_size if self._gains_from_cores else num_clips

    def _run(self, clips: Clips, session: ort.InferenceSession) -> dict[str, NDArray[np.float32]]:
        arrays = session.run(self._outputs, {INPUT: clips})
        return {name: np.asarray(array) for name, array in zip(self._outputs, arrays, strict=True)}


class _SessionPerCore:
    """A session of one thread. A large graph's is opened in the background when it is first wanted, for its memory.

    It is read from the file that was there when this was made, whatever has taken its place.
    """

    def __init__(self, path: Path, session: ort.InferenceSession | None, threads: ThreadPoolExecutor) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self._close = finalize(self, os.close, self._descriptor)
        self._session = session
        self._threads = threads
        self._opening: Future[ort.InferenceSession] | None = None
        self._lock = Lock()

    def get(self) -> ort.InferenceSession | None:
        """Return the session; None while it is being opened, and where that failed."""
        with self._lock:
            if self._session is None and self._opening is None:
                self._opening = self._threads.submit(self._open)
        if self._opening and self._opening.done() and not self._opening.exception():
            self._session = self._opening.result()
        return self._session

    def close(self) -> None:
        """Close the file."""
        self._close()

    def _open(self) -> ort.InferenceSession:
        with open(self._descriptor, "rb", closefd=False) as file:
            # Runs at the same time would each keep a whole pattern of memory: 650 MB instead of 500, R50 in fp32.
            return _open_on_cpu(file.read(), num_threads=1, mem_pattern=False)


def _default_threads() -> int:
    # With all cores allowed ONNX Runtime counts better itself: it knows which are hyperthreads of one core.
    usable = usable_cores()
    return 0 if usable == os.cpu_count() else usable


def _open_on_cpu(graph: Path | bytes, num_threads: int, *, mem_pattern: bool = True) -> ort.InferenceSession:
    # Where int8 weights take all 8 bits and the CPU has no VNNI, pairs of products overflow 16 bits: slower
    # instructions are exact there. The graph itself tells, once it is open.
    session = open_session(graph, _cpu_options(num_threads, mem_pattern, exact_sums=False), [CPU])
    if not _may_overflow(session):
        return session
    del session
    return open_session(graph, _cpu_options(num_threads, mem_pattern, exact_sums=True), [CPU])


def _may_overflow(session: ort.InferenceSession) -> bool:
    properties = session.get_modelmeta().custom_metadata_map
    weight_bits = int(properties.get(WEIGHT_BITS, "8"))
    return properties.get("precision") not in FLOATS and weight_bits > SAFE_WEIGHT_BITS


def _cpu_options(num_threads: int, mem_pattern: bool, *, exact_sums: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.enable_mem_pattern = mem_pattern
    # Spinning threads take the cores from the decoders: 12.9 ms of CPU time per clip instead of 7.5.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.x64quantprecision", str(int(exact_sums)))
    return options


def _open_fitting(path: Path, num_threads: int) -> tuple[ort.InferenceSession, ort.InferenceSession | None]:
    """Open a session for a clip alone; returns it with that of one thread, if that was opened.

    A small graph gains little from several threads, which wait for each other and keep decoders waiting: it has one
    session, of one thread.
    """
    if num_threads:
        return _open_on_cpu(path, num_threads), None
    shared = _open_on_cpu(path, _default_threads())
    seconds = _seconds_to_run(shared)
    if seconds > SECONDS_WORTH_SHARING:
        return shared, None
    alone = _open_on_cpu(path, num_threads=1)
    return (shared if seconds * WORTHWHILE_SPEEDUP < _seconds_to_run(alone) else alone), alone


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


def open_session(graph: Path | bytes, options: ort.SessionOptions, providers: list[Any]) -> ort.InferenceSession:
    """Load a graph; raises BackendUnavailable when it is none, or breaks the contract."""
    name = graph.name if isinstance(graph, Path) else "the graph"
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(graph, options, providers=providers)
    except RUNTIME_ERRORS as error:
        raise BackendUnavailable(f"ONNX Runtime cannot load {name}: {one_line(error)}") from error
    _check_contract(name, session)
    give_back_freed_memory()
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

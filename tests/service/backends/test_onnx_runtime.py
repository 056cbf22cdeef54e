"""ONNX Runtime on the CPU: the number of threads and of clips at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from service.backends import onnx_runtime
from service.backends.base import InferenceFailed
from service.backends.onnx_runtime import OnnxRuntimeBackend


@pytest.fixture
def graph(publish: Callable[..., Path], tmp_path: Path) -> Path:
    return publish(tmp_path, "colours", "1") / "model.onnx"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux lists them")
def test_threads_follow_the_usable_cores(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usable = (os.cpu_count() or 1) + 3
    monkeypatch.setattr(onnx_runtime, "usable_cores", lambda: usable)
    monkeypatch.setattr(onnx_runtime, "SECONDS_WORTH_SHARING", 0.0)
    assert _threads_started(graph, num_threads=0) == usable - 1  # the caller is the first
    assert _threads_started(graph, num_threads=2) == 1


def _threads_started(graph: Path, num_threads: int) -> int:
    before = len(os.listdir("/proc/self/task"))
    backend = OnnxRuntimeBackend(graph, num_threads)
    started = len(os.listdir("/proc/self/task")) - before
    backend.close()
    return started


@pytest.mark.parametrize(
    ("seconds_on_all_cores", "seconds_on_one", "threads"),
    [(0.004, 0.004, 1), (0.004, 0.0049, 1), (0.004, 0.006, 0), (1.0, 0.9, 0)],
)
def test_threads_that_gain_little_are_not_taken(
    graph: Path, monkeypatch: pytest.MonkeyPatch, seconds_on_all_cores: float, seconds_on_one: float, threads: int
) -> None:
    times = iter([seconds_on_all_cores, seconds_on_one])
    monkeypatch.setattr(onnx_runtime, "_seconds_to_run", lambda _: next(times))
    backend = OnnxRuntimeBackend(graph)
    assert backend._session.get_session_options().intra_op_num_threads == threads


def test_the_choice_answers_as_any_other(graph: Path) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (2, 8, 32, 32, 3), np.uint8)
    chosen, one = OnnxRuntimeBackend(graph).infer(clips), OnnxRuntimeBackend(graph, num_threads=1).infer(clips)
    np.testing.assert_allclose(chosen.logits, one.logits, rtol=1e-5)


class MeetingSession:
    """Runs only when as many clips as there are cores run at once."""

    def __init__(self, session: Any, cores: int) -> None:
        self._session = session
        self._meeting = threading.Barrier(cores, timeout=5)

    def run(self, outputs: Any, inputs: Any) -> Any:
        self._meeting.wait()
        return self._session.run(outputs, inputs)


@pytest.fixture
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads from which a clip gains nothing."""
    monkeypatch.setattr(onnx_runtime, "usable_cores", lambda: 3)
    monkeypatch.setattr(onnx_runtime, "_seconds_to_run", lambda _: 0.004)


@pytest.mark.usefixtures("three_cores")
def test_a_small_graph_runs_a_clip_on_each_core(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = np.random.default_rng(0).integers(0, 256, (6, 8, 32, 32, 3), np.uint8)
    backend = OnnxRuntimeBackend(graph)
    assert backend.max_batch_size == 3
    one_by_one = [backend.infer(clip[None]) for clip in clips]
    monkeypatch.setattr(backend, "_session", MeetingSession(backend._session, 3))
    at_once = backend.infer(clips)
    for name in ("logits", "offsets", "weights"):
        np.testing.assert_allclose(getattr(at_once, name), np.concatenate([getattr(o, name) for o in one_by_one]))
    backend.close()


def test_a_large_graph_runs_one_clip_after_the_other(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_runtime, "_seconds_to_run", lambda _: 1.0)
    backend = OnnxRuntimeBackend(graph)
    assert backend.max_batch_size == 1
    assert _sizes_run(backend, monkeypatch) == [1, 1, 1]
    assert _sizes_run(OnnxRuntimeBackend(graph, whole_batches=True), monkeypatch) == [3]
    assert OnnxRuntimeBackend(graph, num_threads=1).max_batch_size == 1


def _sizes_run(backend: OnnxRuntimeBackend, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of clips in each run of the session for a call with three."""
    sizes, run = [], backend._run

    def noting(clips: Any) -> Any:
        sizes.append(len(clips))
        return run(clips)

    monkeypatch.setattr(backend, "_run", noting)
    assert len(backend.infer(np.zeros((3, 8, 32, 32, 3), np.uint8)).logits) == 3
    return sizes


@pytest.mark.usefixtures("three_cores")
def test_what_fails_on_one_core_fails_the_batch(graph: Path) -> None:
    backend = OnnxRuntimeBackend(graph)
    with pytest.raises(InferenceFailed, match="ONNX Runtime"):
        backend.infer(np.zeros((2, 8, 32, 32, 4), np.uint8))


@pytest.mark.parametrize(
    ("properties", "is_exact"),
    [
        ({}, True),
        ({"precision": "int8"}, True),
        ({"precision": "int8", "weight_bits": "7"}, False),
        ({"precision": "fp32"}, False),
    ],
)
def test_sums_that_may_overflow_are_added_exactly(graph: Path, properties: dict[str, str], is_exact: bool) -> None:
    model = onnx.load(graph)
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, graph)
    options = OnnxRuntimeBackend(graph, num_threads=1)._session.get_session_options()
    assert options.get_session_config_entry("session.x64quantprecision") == str(int(is_exact))

"""ONNX Runtime on the CPU: the number of threads and of clips at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from service.backends import onnx_runtime
from service.backends.base import InferenceFailed
from service.backends.contract import INPUT
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


class NotingSession:
    """Notes the sizes of the batches that it runs."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.sizes: list[int] = []

    def run(self, outputs: Any, inputs: Any) -> Any:
        self.sizes.append(len(inputs[INPUT]))
        return self._session.run(outputs, inputs)


@pytest.fixture
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads from which a clip gains nothing."""
    monkeypatch.setattr(onnx_runtime, "usable_cores", lambda: 3)
    monkeypatch.setattr(onnx_runtime, "_seconds_to_run", lambda _: 0.004)


@pytest.fixture
def large(graph: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnnxRuntimeBackend]:
    """A backend on three cores whose graph gains from all of them."""
    monkeypatch.setattr(onnx_runtime, "usable_cores", lambda: 3)
    monkeypatch.setattr(onnx_runtime, "_seconds_to_run", lambda _: 1.0)
    backend = OnnxRuntimeBackend(graph)
    yield backend
    backend.close()


@pytest.mark.usefixtures("three_cores")
def test_a_small_graph_runs_a_clip_on_each_core(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = _clips(6)
    backend = OnnxRuntimeBackend(graph)
    assert backend.max_batch_size == 3
    one_by_one = [backend.infer(clip[None]) for clip in clips]
    monkeypatch.setattr(backend._per_core, "_session", MeetingSession(backend._session, 3))
    at_once = backend.infer(clips)
    for name in ("logits", "offsets", "weights"):
        np.testing.assert_allclose(getattr(at_once, name), np.concatenate([getattr(o, name) for o in one_by_one]))
    backend.close()


def test_a_large_graph_runs_a_clip_on_each_core_when_as_many_wait(
    large: OnnxRuntimeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = _clips(7)
    assert large.max_batch_size == 3
    expected = np.concatenate([large.infer(clip[None]).logits for clip in clips])
    per_core = _opened(large)
    assert per_core.get_session_options().intra_op_num_threads == 1
    monkeypatch.setattr(large._per_core, "_session", MeetingSession(per_core, 3))
    monkeypatch.setattr(large, "_session", alone := NotingSession(large._session))
    np.testing.assert_allclose(large.infer(clips).logits, expected, rtol=1e-5)
    assert alone.sizes == [1]


@pytest.mark.parametrize("num_clips", [1, 2])
def test_fewer_clips_get_all_cores_each(
    large: OnnxRuntimeBackend, monkeypatch: pytest.MonkeyPatch, num_clips: int
) -> None:
    monkeypatch.setattr(large, "_session", alone := NotingSession(large._session))
    large.infer(_clips(num_clips))
    assert alone.sizes == [1] * num_clips
    assert large._per_core._opening is None, "memory for a session that nobody has wanted"


def test_until_a_session_of_one_thread_is_there_clips_get_all_cores(
    large: OnnxRuntimeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    opened = onnx_runtime._open_on_cpu
    monkeypatch.setattr(onnx_runtime, "_open_on_cpu", lambda *args, **kwargs: go_on.wait(5) and opened(*args, **kwargs))
    monkeypatch.setattr(large, "_session", alone := NotingSession(large._session))
    large.infer(_clips(3))
    assert alone.sizes == [1, 1, 1]
    go_on.set()
    _wait_for_opening(large)
    large.infer(_clips(3))
    assert alone.sizes == [1, 1, 1]


def test_a_session_that_cannot_be_opened_is_done_without(
    large: OnnxRuntimeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_runtime, "_open_on_cpu", lambda *_, **__: 1 / 0)
    for _ in range(2):
        assert len(large.infer(_clips(3)).logits) == 3
        _wait_for_opening(large)


def test_a_session_that_is_opened_later_has_the_graph_that_was_checked(
    large: OnnxRuntimeBackend, graph: Path, tmp_path: Path
) -> None:
    expected = large.infer(_clips(3)[:1]).logits
    (other := tmp_path / "other").write_bytes(b"no graph")
    other.replace(graph)
    _opened(large)
    np.testing.assert_allclose(large.infer(_clips(3)).logits[:1], expected, rtol=1e-5)


def test_without_a_core_for_each_clips_run_one_by_one_or_as_a_batch(
    graph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_runtime, "usable_cores", lambda: 3)
    for options, sizes in (({"num_threads": 2}, [1, 1, 1]), ({"whole_batches": True}, [3])):
        backend = OnnxRuntimeBackend(graph, **options)
        assert backend.max_batch_size == 1
        monkeypatch.setattr(backend, "_session", alone := NotingSession(backend._session))
        assert len(backend.infer(_clips(3)).logits) == 3
        assert alone.sizes == sizes


def _clips(number: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (number, 8, 32, 32, 3), np.uint8)


def _opened(backend: OnnxRuntimeBackend) -> Any:
    """Return the session of one thread, which the first full call makes open."""
    backend.infer(_clips(backend.max_batch_size))
    _wait_for_opening(backend)
    return backend._per_core.get()


def _wait_for_opening(backend: OnnxRuntimeBackend) -> None:
    assert backend._per_core._opening is not None
    wait([backend._per_core._opening])


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

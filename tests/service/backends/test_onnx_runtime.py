"""ONNX Runtime on the processor: as many threads as the process may use cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from service.backends import onnx_runtime
from service.backends.onnx_runtime import OnnxRuntimeBackend


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux lists them")
def test_threads_follow_the_usable_cores(
    tmp_path: Path, publish: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = publish(tmp_path, "colours", "1") / "model.onnx"
    usable = (os.cpu_count() or 1) + 3
    monkeypatch.setattr(onnx_runtime, "usable_cores", lambda: usable)
    assert _threads_started(graph, num_threads=0) == usable - 1  # the caller is the first
    assert _threads_started(graph, num_threads=2) == 1


def _threads_started(graph: Path, num_threads: int) -> int:
    before = len(os.listdir("/proc/self/task"))
    backend = OnnxRuntimeBackend(graph, num_threads)
    started = len(os.listdir("/proc/self/task")) - before
    backend.close()
    return started

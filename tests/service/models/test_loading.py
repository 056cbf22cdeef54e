"""Loading: artifacts that do not work here give way to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from service.backends.base import BackendUnavailable, Clips, InferenceFailed, Outputs
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.config.settings import Settings
from service.models import loading
from service.models.artifact_selection import Candidate, Capabilities, open_backend
from service.models.registry import Registry
from service.store.model_store import ModelStore, StoredModel
from tests.helpers.fakes.fake_backend import FakeBackend

Publish = Callable[..., Path]
WITH_CUDA = Capabilities(has_onnx_cuda=True)


@pytest.fixture
def stored(publish: Publish, tmp_path: Path) -> StoredModel:
    publish(tmp_path, "colours", "1")
    return ModelStore(tmp_path).open("colours")


def test_a_graph_that_cuda_does_not_run_runs_on_the_cpu(stored: StoredModel, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "service"):
        model = loading.load(stored, Settings(), WITH_CUDA)  # ONNX Runtime has no CUDA on this machine
    assert model.artifact == "model.onnx"
    failed, runs = model.reason.split("; ")[-2:]
    assert failed.startswith("onnx: ")
    assert "CUDA" in failed
    assert runs == "onnx: runs everywhere"
    assert [failed in record.getMessage() for record in caplog.records] == [True]
    model.backend.close()


class FailingBackend(FakeBackend):
    """Loads, and fails at its first run."""

    def infer(self, clips: Clips) -> Outputs:
        raise InferenceFailed("no kernel image is available for execution on the device")


def test_one_that_fails_at_its_first_run_is_closed_and_passed_over(
    stored: StoredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = FailingBackend(4)

    def opened(candidate: Candidate, path: Path, settings: Settings) -> object:
        return failing if candidate.on_cuda else open_backend(candidate, path, settings)

    monkeypatch.setattr(loading, "open_backend", opened)
    model = loading.load(stored, Settings(), WITH_CUDA)
    assert failing.closed
    assert "no kernel image" in model.reason
    assert isinstance(model.backend._backend, OnnxRuntimeBackend)  # type: ignore[attr-defined]
    model.backend.close()


def test_where_nothing_works_every_reason_is_given(stored: StoredModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(candidate: Candidate, path: Path, settings: Settings) -> object:
        raise BackendUnavailable("no room on the GPU" if candidate.on_cuda else "no room in memory")

    monkeypatch.setattr(loading, "open_backend", refuse)
    with pytest.raises(BackendUnavailable, match=r"no room on the GPU.*no room in memory"):
        loading.load(stored, Settings(), WITH_CUDA)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_service_with_onnxruntime_gpu_and_no_gpu_serves(
    publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, "colours", "1")
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr("service.backends.cuda.count_devices", lambda: 1)
    for backend in ("auto", "onnx"):
        registry = Registry.open(Settings(model_store=tmp_path, backend=backend))
        assert registry.get().artifact == "model.onnx"
        assert "CUDA" in registry.get().reason
        registry.close()

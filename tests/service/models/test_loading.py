"""Loading: artifacts that do not work here give way to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from service.backends.base import Backend, BackendUnavailable, Clips, InferenceFailed, Outputs
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.config.settings import Settings
from service.models import loading
from service.models.artifact_selection import Candidate, open_backend
from service.models.capabilities import Capabilities
from service.models.registry import Registry
from service.models.replicas import open_on_each
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


def test_every_replica_runs_once_before_the_model_answers(stored: StoredModel, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = stored.path_of(stored.manifest.artifacts[0])
    opened: list[_OnGpu] = []

    def open_on(gpu: int) -> Backend:
        opened.append(_OnGpu(graph, gpu))
        return opened[-1]

    monkeypatch.setattr(loading, "open_backend", lambda *_: open_on_each([0, 1], open_on))
    model = loading.load(stored, Settings(device="cuda:0,cuda:1"), WITH_CUDA)
    assert model.devices == ("cuda:0", "cuda:1")
    assert [each.num_runs for each in opened] == [1, 1]
    model.backend.close()


class _OnGpu(OnnxRuntimeBackend):
    """A real session that takes the CPU for a GPU."""

    def __init__(self, path: Path, gpu: int) -> None:
        super().__init__(path, num_threads=1)
        self.device, self.num_runs = f"cuda:{gpu}", 0

    def check_up(self) -> None:
        pass

    def infer(self, clips: Clips) -> Outputs:
        self.num_runs += 1
        return super().infer(clips)


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

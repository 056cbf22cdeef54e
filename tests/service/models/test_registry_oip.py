"""Registry with a server of the Open Inference Protocol: the graph of the store proves what the server runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from service.backends.oip.proof import Proof
from service.backends.remote import watched_server
from service.config.settings import Settings
from service.models.registry import Registry
from service.store.model_store import ModelStore, sha256_of
from tests.helpers.servers.scripted_oip import ScriptedModel
from tests.helpers.servers.scripted_server import ScriptedServer
from tests.helpers.stores import colour_graph
from tests.helpers.waiting import until

WITHOUT_FEATURES = ("logits", "offsets", "weights")


@pytest.fixture
def put(tmp_path: Path, publish: Callable[..., Path]) -> Callable[..., Proof]:
    """Publishes version 1 of `colours`, in the place of what was there; returns its proof."""

    def put(graph: bytes | None = None) -> Proof:
        if (tmp_path / "colours").exists():
            (tmp_path / "colours").rename(tmp_path / ".before")
        publish(tmp_path, "colours", "1", graph=graph)
        stored = ModelStore(tmp_path).open("colours")
        return Proof.of(stored, stored.manifest.artifacts[0])

    return put


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A server without a model."""
    monkeypatch.setattr(watched_server, "HEALTH_CHECK_SECONDS", 0.02)
    with ScriptedServer(lambda method, path: (404, {})) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, server: ScriptedServer) -> Settings:
    return Settings(model_store=tmp_path, backend="oip", oip_url=server.url)


def test_a_model_has_the_outputs_of_the_store_s_graph(put, server, settings, tmp_path):
    server.reply = ScriptedModel("colours", put(colour_graph(WITHOUT_FEATURES))).reply
    model = Registry.open(settings).get()
    assert (model.outputs, model.outage()) == (WITHOUT_FEATURES, None)
    assert (model.artifact, model.digest) == ("model.onnx", sha256_of(tmp_path / "colours" / "1" / "model.onnx"))
    assert model.backend.infer(np.zeros((1, 8, 32, 32, 3), np.uint8)).features is None


def test_a_model_that_was_published_again_waits_for_the_server(put, server, settings):
    server.reply = ScriptedModel("colours", put()).reply
    registry = Registry.open(settings)
    before = registry.get().digest
    again = put(colour_graph(WITHOUT_FEATURES))
    model = ScriptedModel("colours", again)
    model.replies["infer"] = (500, {"error": "loading"})
    server.reply = model.reply
    registry.refresh(settings)
    assert (registry.get().digest, registry.get().outage()) == (before, None)
    model.replies.clear()

    def has_taken_over() -> bool:
        registry.refresh(settings)
        return registry.get().digest != before

    until(has_taken_over)


def test_a_store_without_its_graph_is_refused(put, settings, tmp_path):
    put()
    manifest = tmp_path / "colours" / "1" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": "onnx"', '"format": "torch"'))
    (refused,) = Registry.open(settings).refused()
    assert "no onnx" in refused.reason

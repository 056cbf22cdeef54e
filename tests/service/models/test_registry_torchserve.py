"""Registry with TorchServe: a published version takes effect once TorchServe runs it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.backends.base import RuntimeDown
from service.backends.remote import watched_server
from service.config.settings import Settings
from service.models.registry import Registry
from service.store.model_store import sha256_of
from service.store.version_control import pin
from tests.helpers.servers.scripted_server import HEALTHY, Reply, ScriptedServer
from tests.helpers.waiting import until

OLD, NEW = "a" * 64, "b" * 64


class Runs(dict[str, str]):
    """The digest of the graph that the server runs, by version."""

    def reply(self, method: str, path: str) -> Reply:
        version = path.rpartition("/")[2]
        if path == "/ping":
            return HEALTHY
        if version not in self:
            return 404, {"message": "Model not found"}
        outputs = {"logits": [[0.0] * 6], "offsets": [[[0, 0]]], "weights": [[[[1, 1]] * 8]]}
        return 200, {"model": {"sha256": self[version]}, **outputs}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setattr(watched_server, "HEALTH_CHECK_SECONDS", 0.02)
    return Runs({"1": OLD})


@pytest.fixture
def server(runs: Runs) -> Iterator[ScriptedServer]:
    with ScriptedServer(runs.reply) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, server: ScriptedServer) -> Settings:
    return Settings(model_store=tmp_path, backend="torchserve", torchserve_url=server.url)


@pytest.fixture
def put(tmp_path: Path, publish: Callable[..., Path]) -> Callable[[str, str], None]:
    """Publishes a version whose archive holds the graph of this digest, in place of what was there."""

    def put(version: str, graph_sha256: str) -> None:
        folder = tmp_path / "colours" / version
        if not folder.exists():
            publish(tmp_path, "colours", version)
        archive = folder / "model.mar"
        card = {"name": "colours", "version": version, "sha256": graph_sha256, "clip_shape": (8, 32, 32, 3)}
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("model.json", json.dumps(card))
        manifest = json.loads((folder / "manifest.json").read_text())
        (artifact,) = (each for each in manifest["artifacts"] if each["format"] == "onnx")
        parity = artifact["parity"] | {"artifact_sha256": sha256_of(archive)}
        ours = {"file": "model.mar", "sha256": sha256_of(archive), "format": "torchserve", "parity": parity}
        manifest["artifacts"] = [artifact, artifact | ours]
        (folder / "manifest.json").write_text(json.dumps(manifest))

    return put


def digest(folder: Path, version: str) -> str:
    return sha256_of(folder / "colours" / version / "model.mar")


def test_an_archive_that_was_exchanged_waits_for_the_server(settings, put, runs, tmp_path):
    put("1", OLD)
    registry = Registry.open(settings)
    before = digest(tmp_path, "1")
    put("1", NEW)
    for _ in range(2):
        registry.refresh(settings)
        model = registry.get()
        assert (model.digest, model.outage()) == (before, None)
        assert "another colours 1" in str(model.update_refused)
    runs["1"] = NEW

    def has_taken_over() -> bool:
        registry.refresh(settings)
        return registry.get().digest == digest(tmp_path, "1")

    until(has_taken_over)
    assert (registry.get().outage(), registry.get().update_refused) == (None, None)


def test_a_broken_archive_ends_the_wait_for_the_one_before_it(settings, put, runs, tmp_path):
    put("1", OLD)
    registry = Registry.open(settings)
    before = digest(tmp_path, "1")
    put("1", NEW)
    registry.refresh(settings)
    (tmp_path / "colours" / "1" / "model.mar").write_bytes(b"broken")
    registry.refresh(settings)
    runs["1"] = NEW
    registry.refresh(settings)
    model = registry.get()
    assert model.digest == before
    assert "model.mar" in str(model.update_refused)


def test_a_new_version_answers_once_the_server_has_it(settings, put, runs):
    put("1", OLD)
    registry = Registry.open(settings)
    put("2", NEW)
    registry.refresh(settings)
    assert registry.get("colours").version == "1"
    with pytest.raises(RuntimeDown, match="TorchServe"):
        registry.get("colours", "2").check_up()
    runs["2"] = NEW
    until(lambda: registry.get("colours").version == "2")


def test_a_pin_takes_over_once_the_server_has_its_version(settings, put, runs, tmp_path):
    put("1", OLD)
    put("2", NEW)
    registry = Registry.open(settings)
    pin(tmp_path, "colours", "1")
    registry.refresh(settings)
    pin(tmp_path, "colours", "2")
    registry.refresh(settings)
    model = registry.models()["colours"]
    assert (registry.get().version, str(model.policy), str(model.policy.waiting)) == ("1", "pinned 1", "pinned 2")
    runs["2"] = NEW

    def has_taken_over() -> bool:
        registry.refresh(settings)
        return registry.get().version == "2"

    until(has_taken_over)


def test_when_no_version_answers_it_is_the_newest_that_says_why(settings, put, runs):
    put("1", OLD)
    put("2", NEW)
    runs.clear()
    assert Registry.open(settings).get("colours").version == "2"

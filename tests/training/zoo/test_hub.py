"""Repositories of the hub, against a stand-in of its HTTP API and with the hub's own client."""

import io
import json
import sys

import pytest
import torch

from tests.helpers.servers.hub import running_hub
from training.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from training.zoo.hub import HubError, HubRepository, fetch_from_hub, parse_address
from training.zoo.weights import find_weights


@pytest.mark.parametrize(
    ("address", "repository"),
    [
        ("hf://me/tin", HubRepository("me", "tin")),
        ("hf://me/tin-r50_1.x@v2", HubRepository("me", "tin-r50_1.x", "v2")),
        ("hf://me/tin@refs/pr/1", HubRepository("me", "tin", "refs/pr/1")),
    ],
)
def test_an_address_names_a_repository_and_a_revision(address, repository):
    assert parse_address(address) == repository
    assert str(repository) == address


@pytest.mark.parametrize("address", ["hf://me", "hf://me/", "hf://me/tin/checkpoint.pth", "hf://me/tin@", "me/tin"])
def test_another_address_is_refused(address):
    with pytest.raises(HubError, match=address):
        parse_address(address)


@pytest.fixture
def hub(hub_client):
    """A hub on which the client of this process looks."""
    with running_hub() as server:
        hub_client(server.address)
        yield server


@pytest.fixture
def own_files(checkpoint, tmp_path):
    save_checkpoint(checkpoint, tmp_path / "checkpoint.safetensors")
    return {name: (tmp_path / name).read_bytes() for name in ("checkpoint.safetensors", "checkpoint.json")}


def test_a_checkpoint_of_this_project_is_fetched_with_its_commit(hub, own_files, tmp_path, checkpoint):
    hub.commits["me/tin"] = [own_files | {"README.md": b"# TIN", "model.onnx": bytes(1000)}]
    weights = find_weights("hf://me/tin", tmp_path / "cache")
    assert weights.is_own
    assert load_checkpoint(weights.path).labels == checkpoint.labels
    assert weights.origin["fetched_from"]["url"] == f"hf://me/tin@{hub.commit_id('me/tin')}"
    assert json.loads(json.dumps(weights.origin)) == weights.origin
    assert tmp_path / "cache" in weights.path.parents
    assert not any("model.onnx" in request for request in hub.requests)


def test_a_pth_file_is_fetched(hub, tmp_path):
    file = io.BytesIO()
    torch.save({"a": torch.ones(1)}, file)
    hub.commits["me/tsm"] = [{"weights/tsm.pth": file.getvalue()}]
    weights = find_weights("hf://me/tsm", tmp_path)
    assert not weights.is_own
    assert torch.equal(torch.load(weights.path, weights_only=True)["a"], torch.ones(1))


def test_a_revision_is_the_one_that_is_asked_for(hub, tmp_path):
    hub.commits["me/tin"] = [{"a.pth": b"first"}, {"a.pth": b"second"}]
    old = hub.commit_id("me/tin", 0)
    assert fetch_from_hub(HubRepository("me", "tin", old), tmp_path)[0].read_bytes() == b"first"
    assert fetch_from_hub(HubRepository("me", "tin"), tmp_path)[0].read_bytes() == b"second"


@pytest.mark.parametrize("files", [{}, {"README.md": b"#"}, {"a.pth": b"a", "b.pth": b"b"}])
def test_a_repository_without_a_checkpoint_is_named(hub, tmp_path, files):
    hub.commits["me/tin"] = [files]
    with pytest.raises(HubError, match="hf://me/tin "):
        fetch_from_hub(HubRepository("me", "tin"), tmp_path)


@pytest.mark.parametrize("repository", [HubRepository("me", "gone"), HubRepository("me", "tin", "v9")])
def test_what_the_hub_lacks_is_one_line(hub, tmp_path, repository):
    hub.commits["me/tin"] = [{"a.pth": b"a"}]
    with pytest.raises(HubError, match=f"^{repository}: ") as caught:
        fetch_from_hub(repository, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_named_unless_the_cache_has_it(hub, hub_client, tmp_path):
    hub.commits["me/tin"] = [{"a.pth": b"a"}]
    fetch_from_hub(HubRepository("me", "tin"), tmp_path)
    hub_client("http://127.0.0.1:9")
    assert fetch_from_hub(HubRepository("me", "tin"), tmp_path)[0].read_bytes() == b"a"
    with pytest.raises(HubError, match="hf://me/other: "):
        fetch_from_hub(HubRepository("me", "other"), tmp_path)


def test_a_missing_client_is_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(HubError, match=r"\[hub\]"):
        fetch_from_hub(HubRepository("me", "tin"))

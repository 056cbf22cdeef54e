"""Upload of a version to a stand-in of the hub, with the hub's own client."""

import pytest

from export.publishing.push import push
from tests.helpers.servers.hub import running_hub
from training.checkpoints.checkpoint import load_checkpoint
from training.zoo.hub import HubError, HubRepository
from training.zoo.weights import find_weights

# The client's HTTP library warns of the client's own use of it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:httpx2")


@pytest.fixture
def hub(hub_client):
    with running_hub() as server:
        hub_client(server.address)
        yield server


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_version_is_one_commit_of_a_private_repository(hub, published_store):
    folder = published_store / "letters" / "1"
    address = push(folder, HubRepository("me", "letters"), "letters 1")
    assert address == f"{hub.address}/me/letters/commit/{hub.commit_id('me/letters')}"
    assert hub.files("me/letters") == contents(folder)
    assert len(hub.commits["me/letters"]) == 2
    assert hub.private == {"me/letters"}


def test_what_was_pushed_is_fetched_again(hub, published_store, tmp_path, checkpoint):
    push(published_store / "letters" / "1", HubRepository("me", "letters"), "letters 1")
    weights = find_weights("hf://me/letters", tmp_path / "cache")
    assert load_checkpoint(weights.path).labels == checkpoint.labels
    assert weights.origin["fetched_from"]["url"].endswith(hub.commit_id("me/letters"))


def test_the_next_version_replaces_the_files_and_keeps_others(hub, published_store):
    hub.commits["me/letters"] = [{"manifest.json": b"old", "notes.txt": b"kept"}]
    push(published_store / "letters" / "2", HubRepository("me", "letters"), "letters 2")
    assert hub.files("me/letters") == {"notes.txt": b"kept"} | contents(published_store / "letters" / "2")
    assert hub.private == set()


def test_a_wrong_token_is_one_line(hub, published_store, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match=r"hf://me/letters: .*401") as caught:
        push(published_store / "letters" / "1", HubRepository("me", "letters"), "letters 1")
    assert "\n" not in str(caught.value)
    assert hub.commits == {}


def test_a_hub_that_cannot_be_reached_is_named(hub_client, published_store):
    hub_client("http://127.0.0.1:9")
    with pytest.raises(HubError, match="hf://me/letters: "):
        push(published_store / "letters" / "1", HubRepository("me", "letters"), "letters 1")

"""Fetching of made files in the formats of MMAction2 0.x and 1.x."""

import json

import pytest
import torch

from tests.helpers.training.made_zoo import HOST, LABELS, LABELS_PATH, NAMES, made_zoo
from training.checkpoints.checkpoint import CheckpointError, save_checkpoint
from training.model.tin import Temporal
from training.zoo.catalogue import CATALOGUE
from training.zoo.download import DownloadError
from training.zoo.fetch import FetchRequest, fetch_checkpoint, preview


@pytest.fixture(scope="module")
def zoo():
    with pytest.MonkeyPatch.context() as patch, made_zoo(patch) as zoo:
        yield zoo


@pytest.fixture
def request_of(zoo, tmp_path):
    return lambda source, **fields: FetchRequest(source, cache=tmp_path, mirror=zoo.mirror.address, **fields)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_becomes_a_checkpoint_with_its_labels(zoo, request_of, name):
    checkpoint, report = fetch_checkpoint(request_of(name))
    network = zoo.networks[name]
    assert checkpoint.architecture == network.architecture
    assert checkpoint.labels == LABELS
    assert all(torch.equal(tensor, checkpoint.tensors[name]) for name, tensor in network.state_dict().items())
    assert report
    assert report.untrained == ()
    assert len(report.ignored) == (2 if name.endswith("1.x") else 0), "the data preprocessor's constants"


def test_a_checkpoint_says_where_it_came_from(request_of):
    checkpoint, _ = fetch_checkpoint(request_of("made_tin"))
    training = json.loads(json.dumps(checkpoint.training))
    published = training["published"]
    assert published.pop("sha256") == training["converted_from"]["sha256"]
    assert published == {
        "name": "made_tin",
        "release": "Made 1.x",
        "url": CATALOGUE["made_tin"].url,
        "data": "Made clips",
        "top1": 12.5,
        "top5": 50.25,
        "clips": 2,
        "crops": 3,
    }
    assert training["labels_from"] == HOST + LABELS_PATH


def test_labels_of_the_users_win(request_of, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{index}\n" for index in range(174)))
    checkpoint, _ = fetch_checkpoint(request_of("made_tin", labels=str(labels)))
    assert checkpoint.labels == tuple(map(str, range(174)))
    assert checkpoint.training["labels_from"] == str(labels)
    labels.write_text("one\ntwo\n")
    with pytest.raises(CheckpointError, match=r"174 classes.* 2 labels"):
        fetch_checkpoint(request_of("made_tin", labels=str(labels)))


def test_a_tin_that_starts_from_a_tsm_is_not_trained_yet(request_of):
    _, report = fetch_checkpoint(request_of("made_tsm", temporal=Temporal.TIN))
    assert report
    assert {".interlace." in name for name in report.untrained} == {True}


def test_labels_that_cannot_be_had_are_an_error_and_keep_the_weights(zoo, request_of, tmp_path, monkeypatch):
    monkeypatch.delitem(zoo.mirror.files, LABELS_PATH)
    with pytest.raises(DownloadError, match=r"label_map\.txt.* 404"):
        fetch_checkpoint(request_of("made_tin"))
    assert [path.name for path in tmp_path.iterdir()] == [CATALOGUE["made_tin"].file.name]


def test_a_file_without_published_labels_wants_some(request_of, tmp_path, zoo):
    path = tmp_path / "mine.pth"
    torch.save(zoo.networks["made_tsm"].state_dict(), path)
    with pytest.raises(CheckpointError, match=r"mine\.pth.* --labels"):
        fetch_checkpoint(request_of(str(path)))


def test_a_checkpoint_of_this_project_is_taken_as_it_is(request_of, tmp_path, checkpoint):
    path = tmp_path / "own.safetensors"
    save_checkpoint(checkpoint, path)
    fetched, report = fetch_checkpoint(request_of(str(path)))
    assert (fetched.labels, fetched.clip, report) == (checkpoint.labels, checkpoint.clip, None)
    with pytest.raises(CheckpointError, match=r"own\.safetensors .*--labels"):
        fetch_checkpoint(request_of(str(path), labels="sthv2"))


def test_a_preview_needs_no_labels(zoo, request_of, monkeypatch):
    monkeypatch.delitem(zoo.mirror.files, LABELS_PATH)
    architecture, report = preview(request_of("made_tin"))
    assert architecture == zoo.networks["made_tin"].architecture
    assert len(report.loaded) == len(zoo.networks["made_tin"].state_dict())

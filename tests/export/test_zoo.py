"""Commands `python -m export.zoo list` and `fetch`, up to the answer of a real service."""

import json

import httpx
import pytest
import torch

from clips.decoding.limits import DecodeLimits
from clips.preprocess import preprocess
from clips.transforms import normalise
from export.zoo import cli
from tests.helpers.commands import invoke
from tests.helpers.servers.file_server import serving
from tests.helpers.servers.hub import running_hub
from tests.helpers.servers.service import running_services
from tests.helpers.training.foreign_files import as_torchvision
from tests.helpers.training.made_zoo import LABELS, NAMES, made_zoo
from tests.helpers.training.networks import lively
from training.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from training.model.tin import Architecture, Temporal
from training.zoo.catalogue import CATALOGUE, PublishedCheckpoint
from training.zoo.data_sets import IMAGENET


@pytest.fixture(scope="module")
def zoo():
    with pytest.MonkeyPatch.context() as patch, made_zoo(patch) as zoo:
        yield zoo


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def run(*arguments):
    return invoke(cli, *arguments)


def failed(done, exit_code=2):
    """Return the one line of a command that failed."""
    assert done.exit_code == exit_code, done.output
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_the_list_shows_each_checkpoint_in_a_line():
    done = run("list")
    assert done.exit_code == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.split()}
    assert lines.keys() >= CATALOGUE.keys()
    shown = lines["tsm_r50_sthv2_1.x"]
    assert all(cell in shown for cell in ("Something-Something V2", "62.72", "87.70", "2 x 3", "1.x", "95 MB"))


@pytest.mark.parametrize("name", NAMES)
def test_a_fetched_checkpoint_is_one_of_this_project(zoo, cache, tmp_path, name):
    out = tmp_path / "made.safetensors"
    done = run(*zoo.options(name, "--cache", cache, "--out", out))
    assert done.exit_code == 0, done.stderr
    loaded, network = load_checkpoint(out), zoo.networks[name]
    assert (loaded.architecture, loaded.labels) == (network.architecture, LABELS)
    assert all(torch.equal(tensor, loaded.tensors[key]) for key, tensor in network.state_dict().items())


def test_the_file_has_the_name_of_the_checkpoint(zoo, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*zoo.options("made_tin_1.x", "--cache", cache)).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made_tin_1.x.json", "made_tin_1.x.safetensors"]


def test_a_tin_can_start_from_a_tsm(zoo, cache, tmp_path):
    out, labels = tmp_path / "start.safetensors", tmp_path / "two.txt"
    labels.write_text("yes\nno\n")
    options = zoo.options("made_tsm", "--cache", cache, "--labels", labels, "--out", out)
    done = run(*options, "--temporal", "tin", "--new-head")
    assert done.exit_code == 0, done.stderr
    architecture = load_checkpoint(out).architecture
    assert (architecture.temporal, architecture.num_classes) == (Temporal.TIN, 2)


@pytest.fixture
def image_network(monkeypatch, tmp_path):
    """An image network in the catalogue, and a mirror that serves it."""
    path = "/models/resnet18-00000000.pth"
    torch.save(as_torchvision(lively(Architecture(num_classes=1000, depth=18, temporal=Temporal.NONE))), tmp_path / "a")
    monkeypatch.setattr("training.zoo.download.sha256_of", lambda path: "0" * 64)
    entry = PublishedCheckpoint(f"https://published.example{path}", "none", IMAGENET, 0, 0, 0)
    monkeypatch.setitem(CATALOGUE, "made_resnet", entry)
    with serving({path: (tmp_path / "a").read_bytes()}) as mirror:
        yield mirror


def test_an_image_network_is_fetched_for_recipes_and_cannot_be_published(image_network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("made_resnet", "--cache", tmp_path / "cache", "--mirror", image_network.address)
    assert "made_resnet" in failed(run("fetch", *options, "--publish", "--store", tmp_path / "store"))
    assert image_network.requests == []
    done = run("fetch", *options)
    assert done.exit_code == 0, done.stderr
    assert "tin, 18 layers" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "cache"]


@pytest.mark.parametrize("option", [("--temporal", "tin"), ("--new-head",)])
def test_an_untrained_network_is_not_published(zoo, cache, tmp_path, option):
    options = zoo.options("made_tsm", "--cache", cache, "--publish", "--store", tmp_path / "store")
    assert "untrained" in failed(run(*options, *option))
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("option", [("--formats", "onnx,coreml"), ("--name", "my models/tin")])
def test_a_wrong_format_or_name_is_refused_before_the_download(zoo, tmp_path, option):
    before = len(zoo.mirror.requests)
    assert option[1].split(",")[-1] in failed(run(*zoo.options("made_tin", "--cache", tmp_path, "--publish", *option)))
    assert len(zoo.mirror.requests) == before


def test_an_unknown_name_suggests_the_nearest():
    assert "tin_r50_sthv2" in failed(run("fetch", "tin_r50_sth2", "--publish"))


def test_another_file_than_the_published_one_leaves_no_trace(zoo, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo.mirror, "files", dict.fromkeys(zoo.mirror.files, b"another"))
    options = zoo.options("made_tin", "--cache", tmp_path / "cache", "--publish", "--store", tmp_path / "store")
    assert f"{zoo.mirror.address}/zoo/made_tin/" in failed(run(*options))
    assert list((tmp_path / "cache").iterdir()) == []
    assert not (tmp_path / "store").exists()


def test_a_site_without_internet_has_a_folder(zoo, tmp_path):
    for path, content in zoo.mirror.files.items():
        (tmp_path / "mirror" / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mirror" / path[1:]).write_bytes(content)
    out = tmp_path / "made.safetensors"
    options = ("--mirror", tmp_path / "mirror", "--cache", tmp_path / "cache", "--out", out)
    assert run("fetch", "made_tsm", *options).exit_code == 0
    assert load_checkpoint(out).labels == LABELS
    assert "made_tin" in failed(run("fetch", "made_tin", "--mirror", tmp_path / "gone", "--cache", tmp_path / "cache"))


def test_a_store_that_cannot_be_written_is_an_error(zoo, cache):
    assert "/proc/store" in failed(
        run(*zoo.options("made_tin", "--cache", cache, "--publish", "--store", "/proc/store"))
    )


@pytest.fixture(scope="module")
def answers(zoo, cache, tmp_path_factory, videos):
    """Answers of a real service to a clip, by model; each model was published by one command."""
    store = tmp_path_factory.mktemp("store")
    for name in NAMES:
        done = run(*zoo.options(name, "--cache", cache, "--publish", "--store", store))
        assert done.exit_code == 0, done.stderr
        assert f"published {name} 1" in done.stdout
    with running_services(lambda: tmp_path_factory.mktemp("service")) as start:
        address = start(model_store=store).address
        yield {name: _predict(address, name, videos["mp4"]) for name in NAMES}, store


def _predict(address, name, video):
    answer = httpx.post(f"{address}/predict", params={"model": name}, content=video, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name", NAMES)
def test_one_command_brings_a_published_model_to_an_answering_service(zoo, answers, videos, name):
    predictions, store = answers
    spec = load_checkpoint(store / name / "1" / "checkpoint.safetensors").clip
    frames = torch.from_numpy(normalise(preprocess(videos["mp4"], spec, DecodeLimits()).views, spec))
    with torch.inference_mode():
        best = zoo.networks[name](frames)[0].topk(5).indices.tolist()
    assert predictions[name]["model"]["name"] == name
    assert [each["index"] for each in predictions[name]["predictions"]] == best
    assert [each["label"] for each in predictions[name]["predictions"]] == [LABELS[index] for index in best]


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_says_where_a_model_came_from(answers, name):
    training = json.loads((answers[1] / name / "1" / "manifest.json").read_text())["training"]
    assert training["published"]["name"] == name
    assert training["published"]["url"] == CATALOGUE[name].url
    assert len(training["published"]["sha256"]) == 64
    card = (answers[1] / name / "1" / "README.md").read_text()
    for fact in (f"{CATALOGUE[name].top1:.2f} %", CATALOGUE[name].url, training["published"]["sha256"]):
        assert fact in card


def test_a_checkpoint_of_the_hub_is_published_with_its_origin(hub_client, checkpoint, tmp_path):
    save_checkpoint(checkpoint, tmp_path / "checkpoint.safetensors")
    files = {name: (tmp_path / name).read_bytes() for name in ("checkpoint.safetensors", "checkpoint.json")}
    with running_hub() as hub:
        hub_client(hub.address)
        hub.commits["me/letters"] = [files]
        done = run("fetch", "hf://me/letters", "--publish", "--store", tmp_path / "store")
    assert done.exit_code == 0, done.stderr
    manifest = json.loads((tmp_path / "store" / "letters" / "1" / "manifest.json").read_text())
    assert manifest["labels"] == list(checkpoint.labels)
    assert manifest["training"]["fetched_from"]["url"] == f"hf://me/letters@{hub.commit_id('me/letters')}"


def test_a_hub_that_cannot_be_reached_is_an_error(hub_client, tmp_path):
    hub_client("http://127.0.0.1:9")
    assert "hf://me/letters" in failed(run("fetch", "hf://me/letters", "--publish", "--store", tmp_path / "store"))
    assert not (tmp_path / "store").exists()

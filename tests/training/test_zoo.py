"""Tests of the command `python -m training.zoo`."""

import hashlib

import pytest
import torch

from tests.helpers.commands import invoke
from tests.helpers.servers.file_server import serving
from tests.helpers.training.foreign_files import CLASSES, as_project, small_r50
from training.checkpoints.checkpoint import load_checkpoint
from training.checkpoints.zoo_catalogue import CATALOGUE, PublishedCheckpoint
from training.model.tin import Temporal
from training.zoo import cli

HOST = "https://published.example"


def run(*arguments):
    return invoke(cli, *arguments)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small TSM in the catalogue, and a mirror that serves it."""
    torch.manual_seed(0)
    model = small_r50(Temporal.TSM)
    torch.save({"state_dict": as_project(model, "tsm")}, tmp_path / "made.pth")
    content = (tmp_path / "made.pth").read_bytes()
    path = f"/tsm/small-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    monkeypatch.setitem(CATALOGUE, "small", PublishedCheckpoint(HOST + path, "nothing", 0.5, 2.5))
    (tmp_path / "labels.txt").write_text("".join(f"class {index}\n" for index in range(CLASSES)))
    with serving({path: content}) as mirror:
        yield model, mirror


def options(tmp_path, mirror, *more):
    return ["fetch", "small", "--cache", tmp_path / "cache", "--mirror", mirror.address, *more]


def test_a_fetched_checkpoint_is_one_of_this_project(small, tmp_path):
    model, mirror = small
    out = tmp_path / "small.safetensors"
    done = run(*options(tmp_path, mirror, "--labels", tmp_path / "labels.txt", "--out", out))
    assert done.exit_code == 0, done.stderr
    assert "320 tensors" in done.stdout
    loaded = load_checkpoint(out)
    assert loaded.architecture == model.architecture
    assert all(torch.equal(tensor, loaded.tensors[name]) for name, tensor in model.state_dict().items())


def test_without_labels_it_is_fetched_once_and_checked(small, tmp_path):
    _, mirror = small
    for _ in range(2):
        done = run(*options(tmp_path, mirror))
        assert done.exit_code == 0, done.stderr
        assert "320 tensors" in done.stdout
        assert "tsm, 50 layers, 8 frames, 174 classes" in done.stdout
    assert len(mirror.requests) == 1
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [CATALOGUE["small"].file]


def test_a_tin_can_start_from_it(small, tmp_path):
    _, mirror = small
    out = tmp_path / "start.safetensors"
    labels = tmp_path / "two.txt"
    labels.write_text("yes\nno\n")
    done = run(*options(tmp_path, mirror, "--labels", labels, "--out", out, "--temporal", "tin", "--new-head"))
    assert done.exit_code == 0, done.stderr
    architecture = load_checkpoint(out).architecture
    assert (architecture.temporal, architecture.num_classes) == (Temporal.TIN, 2)


def test_another_file_is_one_line_and_no_checkpoint(small, tmp_path):
    _, mirror = small
    mirror.files = dict.fromkeys(mirror.files, b"another")
    done = run(*options(tmp_path, mirror, "--labels", tmp_path / "labels.txt", "--out", tmp_path / "out.safetensors"))
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: {mirror.address}/tsm/small-")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out.safetensors").exists()


def test_an_unknown_name_is_an_error_that_suggests_the_nearest():
    done = run("fetch", "tin_r50_sth2")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert all(name in done.stderr for name in ("tin_r50_sth2", "tin_r50_sthv2"))


def test_the_list_names_all():
    done = run("list")
    assert done.exit_code == 0
    assert all(name in done.stdout for name in CATALOGUE)

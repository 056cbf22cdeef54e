"""Tests of the command `python -m training.convert`."""

from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch

from clips.clip_spec import ClipSpec
from tests.helpers.commands import invoke
from tests.helpers.reference import golden_arrays, normalised_frames, tin_r50_tensors
from tests.helpers.servers.hub import running_hub
from tests.helpers.training.foreign_files import CLASSES, as_project, small_r50
from tests.helpers.training.made_zoo import LABELS as MADE_LABELS
from tests.helpers.training.made_zoo import made_zoo
from training.checkpoints.checkpoint import load_checkpoint
from training.convert import main
from training.model.tin import Temporal
from training.zoo.catalogue import CATALOGUE
from training.zoo.data_sets import find_labels

LABELS = tuple(f"class {index}" for index in range(CLASSES))


@pytest.fixture
def labels_file(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS) + "\n")
    return path


def save(tensors, path):
    torch.save({"meta": {"mmaction2_version": "0.5.0"}, "state_dict": tensors}, path)
    return path


def run(*arguments):
    return invoke(main, *arguments)


def test_mmaction2s_file_becomes_a_checkpoint_with_its_answers(tmp_path, labels_file):
    published = {name: torch.from_numpy(tensor) for name, tensor in tin_r50_tensors().items()}
    out = tmp_path / "mine" / "tin.safetensors"
    done = run(save(published, tmp_path / "tin.pth"), "--labels", labels_file, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{out}: tin, 50 layers, 8 frames, 174 classes"
    checkpoint = load_checkpoint(out)
    assert (checkpoint.labels, checkpoint.clip) == (LABELS, ClipSpec())
    with torch.inference_mode():
        logits = checkpoint.build_model()(torch.from_numpy(normalised_frames(2)))
    np.testing.assert_allclose(logits, golden_arrays("tin_r50.npz")["logits_float32"], rtol=0, atol=5e-6)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (truncate, ""),
        (lambda path: path.write_text("a page"), ""),
        (Path.unlink, "No such file"),
        (lambda path: save({"blocks.0.weight": torch.zeros(1)}, path), "blocks.0.weight"),
        (lambda path: save({"layer1.0.conv1.weight": torch.zeros(1)}, path), "18, 34, 50, 101"),
    ],
    ids=["cut short", "no checkpoint", "missing", "another project", "another network"],
)
def test_bad_files_are_one_line_and_leave_nothing(tmp_path, labels_file, spoil, named):
    path = save(as_project(small_r50(Temporal.TIN), "mmaction2"), tmp_path / "published.pth")
    spoil(path)
    done = run(path, "--labels", labels_file, "--out", tmp_path / "out" / "checkpoint.safetensors")
    assert (done.exit_code, done.stdout) == (2, "")
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: {path}")
    assert named in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_of_another_kind_is_refused(tmp_path, labels_file):
    path = save(as_project(small_r50(Temporal.TIN), "mmaction2"), tmp_path / "tin.pth")
    done = run(path, "--labels", labels_file, "--out", tmp_path / "checkpoint.pt")
    assert done.exit_code == 2
    assert ".safetensors" in done.stderr


def test_a_file_of_the_hub_and_a_published_list_are_taken(tmp_path, hub_client, monkeypatch):
    with running_hub() as hub, made_zoo(monkeypatch) as zoo:
        hub_client(hub.address)
        hub.commits["me/tsm"] = [{"tsm.pth": zoo.mirror.files[urlsplit(CATALOGUE["made_tsm"].url).path]}]
        find_labels("made", tmp_path / "tin-serve", zoo.mirror.address)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        done = run("hf://me/tsm", "--labels", "made", "--out", tmp_path / "tsm.safetensors")
    assert done.exit_code == 0, done.stderr
    checkpoint = load_checkpoint(tmp_path / "tsm.safetensors")
    assert checkpoint.labels == MADE_LABELS
    assert checkpoint.training["fetched_from"]["file"] == "tsm.pth"


def test_a_checkpoint_of_this_project_needs_no_conversion(labels_file, tmp_path):
    done = run(tmp_path / "own.safetensors", "--labels", labels_file)
    assert done.exit_code == 2
    assert "own.safetensors" in done.stderr

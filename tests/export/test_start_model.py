"""Weights that a fine-tuning run starts from, found by name."""

from __future__ import annotations

import dataclasses
import json

import pytest

from export.errors import ExportError
from export.start_model import ORIGIN, find_start
from tests.helpers.stores import publish
from training.checkpoints.checkpoint import save_checkpoint
from training.errors import BadInput


@pytest.fixture
def store(checkpoint, tmp_path):
    """A store with the models `a`, which was fine-tuned from `z` 1, and `z`, of two versions with other labels."""
    root = tmp_path / "store"
    for name, version, origin in (("a", "1", "z/1"), ("z", "1", ""), ("z", "2", "gone/7")):
        folder = publish(root, name, version)
        labels = tuple(f"{name}{version}{number}" for number in range(6))
        save_checkpoint(dataclasses.replace(checkpoint, labels=labels), folder / "checkpoint.safetensors")
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["training"] = {ORIGIN: origin}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return root


def test_a_model_of_the_store_by_name_or_version(store, checkpoint):
    assert find_start("z", store).title == "z/2"
    start = find_start("z/1", store)
    assert (start.title, start.architecture) == ("z/1", checkpoint.architecture)
    assert start.weights == str(store / "z" / "1" / "checkpoint.safetensors")


def test_the_policy_chooses_the_version(store):
    (store / "z" / "policy.json").write_text('{"serve": {"pinned": 1}}')
    assert find_start("z", store).title == "z/1"


def test_by_default_a_fine_tuned_model_stands_for_its_origin(store):
    assert find_start(None, store).title == "z/1"


def test_an_origin_that_is_not_in_the_store_is_passed_over(store):
    (store / "a" / "1" / "manifest.json").unlink()
    assert find_start(None, store).title == "z/2"


def test_a_file(store, checkpoint, tmp_path):
    save_checkpoint(checkpoint, tmp_path / "mine.safetensors")
    assert find_start(str(tmp_path / "mine.safetensors"), store).clip == checkpoint.clip


@pytest.mark.parametrize(("source", "named"), [("nothing", "a, z"), (None, "--from")])
def test_a_start_that_is_not_there_is_an_error(store, tmp_path, source, named):
    with pytest.raises(ExportError) as caught:
        find_start(source, store if source else tmp_path / "empty")
    assert named in str(caught.value)


def test_a_missing_file_is_an_error_that_names_it(store):
    with pytest.raises(BadInput, match=r"gone\.safetensors"):
        find_start("gone.safetensors", store)

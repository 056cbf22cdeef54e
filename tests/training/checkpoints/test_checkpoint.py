import json

import pytest
import torch

from clips.clip_spec import ClipSpec, View
from training.checkpoints.checkpoint import (
    NAMES_SHOWN,
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    load_strictly,
    save_checkpoint,
    store_calibration,
    store_timeline,
)
from training.model.tin import TIN, Architecture

SMALL = Architecture(num_classes=3, depth=18, width=0.25)


@pytest.fixture
def checkpoint():
    torch.manual_seed(0)
    spec = ClipSpec(crop=32, view=View.SQUEEZE)
    return Checkpoint(SMALL, spec, ("a", "b", "c"), TIN(SMALL).state_dict(), {"metrics": {"top1": 0.5}})


def test_a_pair_of_files_rebuilds_the_model(checkpoint, tmp_path):
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint, path)
    loaded = load_checkpoint(path)
    assert (loaded.architecture, loaded.clip, loaded.labels) == (SMALL, checkpoint.clip, ("a", "b", "c"))
    assert loaded.training == checkpoint.training
    frames = torch.rand(1, 8, 3, 32, 32)
    assert torch.equal(loaded.build_model()(frames), checkpoint.build_model()(frames))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_temperature_and_threshold_are_stored_beside_unchanged_weights(checkpoint, tmp_path):
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint, path)
    weights = path.read_bytes()
    before = load_checkpoint(path)
    assert (before.temperature, before.threshold) == (1, None)
    store_calibration(path, 1.75, 0.25)
    stored = load_checkpoint(path)
    assert (stored.temperature, stored.threshold, path.read_bytes()) == (1.75, 0.25, weights)
    assert stored.training == checkpoint.training
    store_calibration(path, 1.75, None)
    assert load_checkpoint(path).threshold is None


def test_parameters_of_timelines_are_stored_beside_unchanged_weights(checkpoint, tmp_path):
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint, path)
    weights = path.read_bytes()
    assert load_checkpoint(path).timeline is None
    store_timeline(path, {"window_seconds": 1.5})
    stored = load_checkpoint(path)
    assert (stored.timeline, path.read_bytes()) == ({"window_seconds": 1.5}, weights)
    save_checkpoint(stored, path)
    assert load_checkpoint(path).timeline == {"window_seconds": 1.5}


def test_a_checkpoint_without_a_temperature_has_1_and_no_threshold(checkpoint, tmp_path):
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint, path)
    description = json.loads(path.with_suffix(".json").read_text())
    del description["temperature"], description["threshold"]
    path.with_suffix(".json").write_text(json.dumps(description))
    assert (load_checkpoint(path).temperature, load_checkpoint(path).threshold) == (1, None)


def test_missing_unused_and_misshapen_names_are_all_reported(checkpoint):
    tensors = dict(checkpoint.tensors)
    tensors["extra"] = tensors.pop("head.bias")
    tensors["head.weight"] = torch.zeros(4, 128)
    with pytest.raises(CheckpointError, match=r"missing head\.bias; unused extra; .* shape head\.weight$"):
        load_strictly(TIN(SMALL), tensors)


def test_an_error_names_no_more_than_a_few_of_many_tensors(checkpoint):
    others = len(checkpoint.tensors) - NAMES_SHOWN
    with pytest.raises(CheckpointError, match=rf"missing head\.bias, head\.weight, .*, {others} more$") as caught:
        load_strictly(TIN(SMALL), {})
    assert len(str(caught.value)) < 300


def test_weights_of_another_run_are_noticed(checkpoint, tmp_path):
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint, path)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load_checkpoint(path)


@pytest.mark.parametrize("description", ["{}", "nonsense", "[]"])
def test_a_file_that_is_no_checkpoint_is_named(checkpoint, tmp_path, description):
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint, path)
    path.with_suffix(".json").write_text(description)
    with pytest.raises(CheckpointError, match=r"model\.safetensors "):
        load_checkpoint(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.safetensors "):
        load_checkpoint(tmp_path / "gone.safetensors")

import pytest
import torch

from clips.clip_spec import ClipSpec
from tests.helpers.training.networks import lively
from training.checkpoints.checkpoint import CheckpointError, save_checkpoint
from training.checkpoints.key_mapping import KeyNaming, foreign_name
from training.model.tin import Architecture, Temporal
from training.zoo.start import read_start


def test_a_checkpoint_brings_its_network_and_input(checkpoint, tmp_path):
    save_checkpoint(checkpoint, tmp_path / "own.safetensors")
    start = read_start(str(tmp_path / "own.safetensors"), "own/1")
    assert (start.architecture, start.clip, start.title) == (checkpoint.architecture, checkpoint.clip, "own/1")


def test_a_published_file_brings_its_network_and_the_published_input(tmp_path):
    architecture = Architecture(num_classes=5, depth=18, temporal=Temporal.TIN, width=0.25)
    tensors = lively(architecture).state_dict()
    named = {foreign_name(name, KeyNaming.MMACTION2, Temporal.TIN): tensor for name, tensor in tensors.items()}
    torch.save({"state_dict": named}, tmp_path / "published.pth")
    start = read_start(str(tmp_path / "published.pth"))
    assert (start.architecture, start.clip) == (architecture, ClipSpec())


def test_a_relative_path_is_made_absolute_for_the_recipe(checkpoint, tmp_path, monkeypatch):
    save_checkpoint(checkpoint, tmp_path / "own.safetensors")
    monkeypatch.chdir(tmp_path)
    assert read_start("own.safetensors").weights == str(tmp_path / "own.safetensors")


def test_a_file_that_is_none_is_an_error():
    with pytest.raises(CheckpointError, match=r"gone\.safetensors"):
        read_start("gone.safetensors")

"""PyTorch backend: the answers of the plain network, and files and clips that it refuses."""

import numpy as np
import pytest
import torch

from export.formats.torch_program import to_torch
from service.backends.base import BackendUnavailable, InferenceFailed
from service.backends.torch_program import TorchProgramBackend
from training.model.tin import Normalise


@pytest.fixture(scope="module")
def program(checkpoint, tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "model.pt2"
    path.write_bytes(to_torch(checkpoint))
    return path


@pytest.mark.parametrize("num_clips", [1, 2, 5])
def test_it_answers_as_the_plain_network_at_any_batch(program, checkpoint, num_clips):
    clips = np.random.default_rng(0).integers(0, 256, (num_clips, 8, 32, 32, 3), np.uint8)
    outputs = TorchProgramBackend(program).infer(clips)
    with torch.inference_mode():
        expected = checkpoint.build_model()(Normalise(checkpoint.clip)(torch.from_numpy(clips)))
    np.testing.assert_allclose(outputs.logits, expected, atol=1e-4)
    shapes = {name: array.shape for name, array in outputs.arrays().items()}
    assert shapes == {
        "logits": (num_clips, checkpoint.architecture.num_classes),
        "features": (num_clips, 128),
        "offsets": (num_clips, 8, 2),
        "weights": (num_clips, 8, 8, 2),
    }


def test_a_file_that_is_no_program_is_told(tmp_path):
    (tmp_path / "model.pt2").write_bytes(b"no program")
    with pytest.raises(BackendUnavailable, match=r"model\.pt2"):
        TorchProgramBackend(tmp_path / "model.pt2")


def test_clips_of_another_size_are_told(program):
    with pytest.raises(InferenceFailed, match=r"8x32x32x3.*8x31x32x3"):
        TorchProgramBackend(program).infer(np.zeros((1, 8, 31, 32, 3), np.uint8))

import pytest
import torch

from tests.helpers.training.foreign_files import CLASSES, as_project, as_torchvision, small_r50
from training.checkpoints.checkpoint import CheckpointError
from training.checkpoints.key_mapping import KeyNaming
from training.checkpoints.pretrained import read_pretrained
from training.model.tin import TIN, Architecture, Temporal


@pytest.fixture
def saved(tmp_path):
    """Write tensors to a file."""

    def save(tensors):
        torch.save({"state_dict": tensors}, tmp_path / "published.pth")
        return tmp_path / "published.pth"

    return save


@pytest.mark.parametrize(
    ("project", "temporal", "naming", "frames"),
    [
        ("mmaction2", Temporal.TIN, KeyNaming.MMACTION2, 16),
        ("original", Temporal.TIN, KeyNaming.ORIGINAL, 8),
        ("tsm", Temporal.TSM, KeyNaming.MMACTION2, None),
    ],
)
def test_the_names_and_shapes_tell_the_network(saved, project, temporal, naming, frames):
    model = small_r50(temporal, num_frames=frames or 8)
    found = read_pretrained(saved(as_project(model, project)))
    assert (found.naming, found.temporal, found.depth, found.num_frames) == (naming, temporal, 50, frames)
    assert (found.stem_channels, found.num_classes) == (16, CLASSES)
    assert found.tensors.keys() == model.state_dict().keys()


@pytest.mark.parametrize("depth", [18, 34, 50, 101])
def test_torchvisions_depths(saved, depth):
    model = TIN(Architecture(num_classes=5, depth=depth, width=0.25, temporal=Temporal.NONE))
    found = read_pretrained(saved(as_torchvision(model)))
    assert (found.naming, found.temporal, found.depth) == (KeyNaming.TORCHVISION, Temporal.NONE, depth)
    assert found.num_classes is None


def test_a_network_of_another_depth_is_refused(saved):
    tensors = as_torchvision(small_r50(Temporal.NONE))
    tensors["layer3.6.conv1.weight"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match=r"\[3, 4, 7, 3\].* 18, 34, 50, 101"):
        read_pretrained(saved(tensors)).depth  # noqa: B018


def test_names_of_another_project_are_refused(saved):
    with pytest.raises(CheckpointError, match=r"published\.pth: .*blocks\.0\.weight"):
        read_pretrained(saved({"blocks.0.weight": torch.zeros(1)}))


def test_two_tensors_of_one_name_are_refused(saved):
    tensors = as_project(small_r50(Temporal.TSM), "tsm")
    tensors["module.backbone.conv1.conv.weight"] = tensors["backbone.conv1.conv.weight"]
    with pytest.raises(CheckpointError, match=r"published\.pth"):
        read_pretrained(saved(tensors))


def test_a_network_without_a_stem_is_refused(saved):
    tensors = as_project(small_r50(Temporal.TSM), "tsm")
    del tensors["backbone.conv1.conv.weight"]
    with pytest.raises(CheckpointError, match=r"stem\.conv\.weight"):
        read_pretrained(saved(tensors)).stem_channels  # noqa: B018

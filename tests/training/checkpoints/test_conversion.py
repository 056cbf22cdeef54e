import pytest
import torch

from clips.clip_spec import ClipSpec
from tests.helpers.training.foreign_files import CLASSES, as_project, as_torchvision, small_r50
from training.checkpoints.checkpoint import CheckpointError
from training.checkpoints.conversion import convert
from training.model.tin import Temporal

LABELS = tuple(f"class {index}" for index in range(CLASSES))


def save(tensors, path):
    torch.save({"meta": {"mmaction2_version": "0.5.0"}, "state_dict": tensors}, path)
    return path


def test_the_file_says_which_network_it_is(tmp_path):
    path = save(as_project(small_r50(Temporal.TIN, num_frames=16), "original"), tmp_path / "tin.pth")
    checkpoint, _ = convert(path, LABELS)
    architecture = checkpoint.architecture
    assert (architecture.temporal, architecture.num_frames, architecture.width) == (Temporal.TIN, 16, 0.25)
    assert checkpoint.clip == ClipSpec(num_frames=16)
    assert checkpoint.training["converted_from"]["file"] == "tin.pth"


def test_tsm_stays_tsm_unless_tin_is_to_start_from_it(tmp_path):
    path = save(as_project(small_r50(Temporal.TSM), "tsm"), tmp_path / "tsm.pth")
    assert convert(path, LABELS)[0].architecture.temporal is Temporal.TSM
    checkpoint, report = convert(path, LABELS, temporal=Temporal.TIN)
    assert checkpoint.architecture.temporal is Temporal.TIN
    assert len(report.initialised) == 128
    assert checkpoint.training["converted_from"]["fresh"] == report.initialised


def test_torchvisions_becomes_the_start_of_a_tin(tmp_path):
    path = save(as_torchvision(small_r50(Temporal.NONE)), tmp_path / "resnet50.pth")
    checkpoint, report = convert(path, ("yes", "no"))
    assert checkpoint.architecture.temporal is Temporal.TIN
    assert checkpoint.tensors["head.weight"].shape == (2, 512)
    assert report.ignored == ("fc.weight", "fc.bias")


@pytest.mark.parametrize(
    ("labels", "choice", "named"),
    [
        (LABELS[:173], {}, r"tin\.pth: .*174.*173"),
        (LABELS, {"num_frames": 16}, r"tin\.pth: .*8 frames.*16"),
        (LABELS, {"temporal": Temporal.TSM}, r"tin\.pth: .*in the file backbone"),
    ],
)
def test_a_contradiction_to_the_file_is_an_error(tmp_path, labels, choice, named):
    path = save(as_project(small_r50(Temporal.TIN), "mmaction2"), tmp_path / "tin.pth")
    with pytest.raises(CheckpointError, match=named):
        convert(path, labels, **choice)


def test_other_classes_get_a_new_head(tmp_path):
    path = save(as_project(small_r50(Temporal.TIN), "mmaction2"), tmp_path / "tin.pth")
    checkpoint, report = convert(path, ("yes", "no"), new_head=True)
    assert report.initialised == ("head.weight", "head.bias")
    checkpoint.build_model()

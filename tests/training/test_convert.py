from pathlib import Path

import numpy as np
import pytest
import torch

from clips.clip_spec import ClipSpec
from tests.helpers.commands import invoke
from tests.helpers.reference import golden_arrays, normalised_frames, tin_r50_tensors
from tests.helpers.training.foreign_files import CLASSES, as_project, as_torchvision, small_r50
from training.checkpoints.checkpoint import CheckpointError, load_checkpoint
from training.convert import convert, main, read_labels
from training.model.tin import Temporal

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
    assert done.stdout.splitlines() == [
        "448 tensors taken, 448 of them under another name",
        "0 of the file's left: none",
        "0 of the model's left as initialised: none",
        f"{out}: tin, 50 layers, 8 frames, 174 classes",
    ]
    checkpoint = load_checkpoint(out)
    assert (checkpoint.labels, checkpoint.clip) == (LABELS, ClipSpec())
    with torch.inference_mode():
        logits = checkpoint.build_model()(torch.from_numpy(normalised_frames(2)))
    np.testing.assert_allclose(logits, golden_arrays("tin_r50.npz")["logits_float32"], rtol=0, atol=5e-6)


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
    assert len(report.fresh) == 128
    assert checkpoint.training["converted_from"]["fresh"] == report.fresh


def test_torchvisions_becomes_the_start_of_a_tin(tmp_path):
    path = save(as_torchvision(small_r50(Temporal.NONE)), tmp_path / "resnet50.pth")
    checkpoint, report = convert(path, ("yes", "no"))
    assert checkpoint.architecture.temporal is Temporal.TIN
    assert checkpoint.tensors["head.weight"].shape == (2, 512)
    assert report.left == ("fc.weight", "fc.bias")


@pytest.mark.parametrize(
    ("labels", "choice", "told"),
    [
        (LABELS[:173], {}, r"tin\.pth: it tells 174 classes apart, but there are 173 labels"),
        (LABELS, {"num_frames": 16}, r"tin\.pth: it is made for 8 frames, not 16"),
        (LABELS, {"temporal": Temporal.TSM}, r"tin\.pth: the weights do not fit the model: .* unused \['backbone"),
    ],
)
def test_what_contradicts_the_file_is_told(tmp_path, labels, choice, told):
    path = save(as_project(small_r50(Temporal.TIN), "mmaction2"), tmp_path / "tin.pth")
    with pytest.raises(CheckpointError, match=told):
        convert(path, labels, **choice)


def test_other_classes_get_a_new_head(tmp_path):
    path = save(as_project(small_r50(Temporal.TIN), "mmaction2"), tmp_path / "tin.pth")
    checkpoint, report = convert(path, ("yes", "no"), new_head=True)
    assert report.fresh == ("head.weight", "head.bias")
    checkpoint.build_model()


@pytest.mark.parametrize("content", [b"", b"a\n\nb\n", b"\xff\xfe\n"])
def test_labels_that_are_none_are_refused(tmp_path, content):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"labels\.txt "):
        read_labels(path)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (truncate, "is no PyTorch checkpoint, or was cut short"),
        (lambda path: path.write_text("a page"), "is no PyTorch checkpoint"),
        (Path.unlink, "cannot be read: No such file"),
        (lambda path: save({"blocks.0.weight": torch.zeros(1)}, path), "only these projects' ResNets can be converted"),
        (lambda path: save({"layer1.0.conv1.weight": torch.zeros(1)}, path), "only ResNets of 18, 34, 50, 101 layers"),
    ],
    ids=["cut short", "no checkpoint", "missing", "another project", "another network"],
)
def test_bad_files_are_one_line_and_leave_nothing(tmp_path, labels_file, spoil, told):
    path = save(as_project(small_r50(Temporal.TIN), "mmaction2"), tmp_path / "published.pth")
    spoil(path)
    done = run(path, "--labels", labels_file, "--out", tmp_path / "out" / "checkpoint.safetensors")
    assert (done.exit_code, done.stdout) == (2, "")
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: {path}")
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_of_another_kind_is_refused(tmp_path, labels_file):
    path = save(as_project(small_r50(Temporal.TIN), "mmaction2"), tmp_path / "tin.pth")
    done = run(path, "--labels", labels_file, "--out", tmp_path / "checkpoint.pt")
    assert done.exit_code == 2
    assert "must end in .safetensors" in done.stderr

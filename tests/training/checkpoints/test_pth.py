import sys

import pytest
import torch

from tests.helpers.training.mmengine_files import mmengine_file
from training.checkpoints.checkpoint import CheckpointError
from training.checkpoints.pth import read_tensors

TENSORS = {"a.weight": torch.arange(600.0), "a.bias": torch.ones(3)}


class Hostile:
    """An object whose loading leaves a trace."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (self.trace.touch, ())


@pytest.mark.parametrize("zipped", [True, False], ids=["today's format", "the format of 2019"])
@pytest.mark.parametrize(
    "wrap", [lambda tensors: tensors, lambda tensors: {"meta": {"epoch": 1}, "state_dict": tensors}]
)
def test_tensors_come_back_wrapped_or_not(tmp_path, zipped, wrap):
    path = tmp_path / "model.pth"
    torch.save(wrap(TENSORS), path, _use_new_zipfile_serialization=zipped)
    read = read_tensors(path)
    assert read.keys() == TENSORS.keys()
    assert all(torch.equal(read[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0, 0.02, 0.06, 0.1, 0.5, 0.95])
def test_a_file_cut_short_is_named(tmp_path, zipped, share):
    path = tmp_path / "cut.pth"
    torch.save(TENSORS, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=r"cut\.pth "):
        read_tensors(path)


@pytest.mark.parametrize("content", [b"<html>not found</html>", b"\x00" * 4096, b"PK\x03\x04", b"\x80\x02}q\x00."])
def test_other_files_are_named(tmp_path, content):
    path = tmp_path / "page.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"page\.pth "):
        read_tensors(path)


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {}}, torch.ones(2)])
def test_a_file_without_named_tensors_is_named(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"other\.pth "):
        read_tensors(tmp_path / "other.pth")


def test_what_is_no_tensor_is_named(tmp_path):
    torch.save({"a": torch.ones(1), "epoch": 3}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"other\.pth .*'epoch'"):
        read_tensors(tmp_path / "other.pth")


def test_nothing_in_a_file_is_run(tmp_path):
    trace = tmp_path / "trace"
    torch.save({"state_dict": TENSORS, "hook": Hostile(trace)}, tmp_path / "hostile.pth")
    with pytest.raises(CheckpointError, match=r"hostile\.pth "):
        read_tensors(tmp_path / "hostile.pth")
    assert not trace.exists()


def test_mmengines_log_beside_the_weights_is_passed_over(tmp_path):
    path = tmp_path / "epoch_40.pth"
    path.write_bytes(mmengine_file(TENSORS))
    read = read_tensors(path)
    assert read.keys() == TENSORS.keys() | {"data_preprocessor.mean", "data_preprocessor.std"}
    assert torch.equal(read["a.weight"], TENSORS["a.weight"])
    assert not any(name.startswith("mmengine") for name in sys.modules)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.pth .*No such file"):
        read_tensors(tmp_path / "gone.pth")

"""Signature of an ONNX file, and graphs that break the contract."""

import onnx
import pytest
from onnx import TensorProto

from export.errors import ExportError
from export.graph.signature import Signature, read_signature
from tests.helpers.servers.torchserve import DEMO


@pytest.fixture
def graph():
    return onnx.load(DEMO / "model.onnx")


def test_the_shapes_of_one_clip_are_read():
    expected = Signature(clips=(8, 96, 96, 3), logits=(16,), features=(128,), offsets=(8, 2), weights=(8, 8, 2))
    assert read_signature(DEMO / "model.onnx") == expected


def test_a_file_that_is_no_onnx_is_named(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\xff weights")
    with pytest.raises(ExportError, match=r"model\.onnx"):
        read_signature(path)


def test_a_graph_may_lack_any_output_but_the_logits(graph, tmp_path):
    del graph.graph.output[1:]
    onnx.save(graph, tmp_path / "plain.onnx")
    signature = read_signature(tmp_path / "plain.onnx")
    assert signature == Signature(clips=(8, 96, 96, 3), logits=(16,))
    assert signature.outputs() == {"logits": (16,)}


def rename_logits(graph):
    graph.graph.output[0].name = "scores"


def take_floats(graph):
    graph.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def fix_the_batch(graph):
    graph.graph.output[1].type.tensor_type.shape.dim[0].dim_value = 1


def free_the_frames(graph):
    graph.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "num_frames"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (rename_logits, "logits"),
        (take_floats, "clips.*FLOAT.*UINT8"),
        (fix_the_batch, "features.*dynamic"),
        (free_the_frames, "clips.*fixed"),
    ],
)
def test_a_graph_of_another_contract_is_refused(graph, spoil, message, tmp_path):
    spoil(graph)
    onnx.save(graph, tmp_path / "other.onnx")
    with pytest.raises(ExportError, match=rf"other\.onnx.*{message}"):
        read_signature(tmp_path / "other.onnx")

"""The exported graph of the demo model, with its input in TensorRT's form."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from export.formats.tensorrt_input import cast_input_first
from service.backends.contract import INPUT
from tests.helpers.paths import REPOSITORY

DEMO_GRAPH = REPOSITORY / "model_store" / "tin-motion" / "1" / "model.onnx"


@pytest.fixture(scope="module")
def prepared():
    return cast_input_first(DEMO_GRAPH.read_bytes())


def test_only_a_cast_takes_the_bytes(prepared):
    nodes = onnx.load_from_string(prepared).graph.node
    assert [node.op_type for node in nodes if INPUT in node.input] == ["Cast"]
    assert [node.op_type for node in nodes[:2]] == ["Cast", "Transpose"]


def test_answers_stay_the_same(prepared):
    onnx.checker.check_model(onnx.load_from_string(prepared), full_check=True)
    clips = np.random.default_rng(0).integers(0, 256, (2, 8, 96, 96, 3), np.uint8)
    before, after = (
        ort.InferenceSession(graph).run(None, {INPUT: clips}) for graph in (DEMO_GRAPH.read_bytes(), prepared)
    )
    for expected, found in zip(before, after, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_graph_that_casts_first_is_unchanged(prepared):
    assert cast_input_first(prepared) == prepared

"""Answers of inference: every bit of the outputs, the labels, and classifications, as JSON and as bytes."""

from __future__ import annotations

import numpy as np
from tritonclient.utils import deserialize_bytes_tensor

from service.backends.base import Outputs
from service.backends.contract import OUTPUTS
from service.open_inference.infer_response import render_outputs, tensors_of
from service.open_inference.request_parser import OutputForm
from tests.helpers.fakes.fake_backend import FakeBackend, loaded

CLIPS = np.random.default_rng(0).integers(0, 256, (2, 2, 3, 3, 3), np.uint8)
JSON, BINARY = OutputForm(is_binary=False), OutputForm(is_binary=True)
CLASSES = ("zero", "one", "two: the last")


def test_outputs_keep_every_bit_either_way() -> None:
    outputs = FakeBackend(num_classes=3, num_blocks=2).infer(CLIPS).arrays()
    (logits, weights), behind = render_outputs(outputs, {"logits": JSON, "weights": BINARY}, CLASSES)
    assert (logits.shape, weights.shape) == ([2, 3], [2, 2, 2, 2])
    np.testing.assert_array_equal(np.array(logits.data, np.float32), outputs["logits"].ravel())
    assert weights.parameters is not None
    assert weights.parameters.binary_data_size == len(behind) == outputs["weights"].nbytes
    np.testing.assert_array_equal(np.frombuffer(behind, "<f4"), outputs["weights"].ravel())


def test_an_output_that_a_server_of_an_old_model_does_not_give_is_left_out() -> None:
    outputs = FakeBackend(3, num_blocks=0).infer(CLIPS).arrays()
    rendered, _ = render_outputs(outputs, dict.fromkeys(OUTPUTS, JSON), CLASSES)
    assert [tensor.name for tensor in rendered] == ["logits", "features"]


def test_a_classification_holds_value_index_and_label() -> None:
    values = {"logits": np.array([[0.5, -1, 2], [1, 1, 0]], np.float32), "features": np.array([[1.5, 3]], np.float32)}
    two = OutputForm(is_binary=False, num_classes=2)
    (logits, features), behind = render_outputs(values, {"logits": two, "features": two}, CLASSES)
    assert (logits.datatype, logits.shape, behind) == ("BYTES", [2, 2], b"")
    assert logits.data == ["2.000000:2:two: the last", "0.500000:0:zero", "1.000000:0:zero", "1.000000:1:one"]
    assert features.data == ["3.000000:1", "1.500000:0"]


def test_there_are_no_more_classes_than_values() -> None:
    values = {"logits": np.zeros((1, 3), np.float32)}
    (tensor,), behind = render_outputs(values, {"logits": OutputForm(is_binary=True, num_classes=99)}, CLASSES)
    assert tensor.shape == [1, 3]
    assert tensor.parameters is not None
    assert tensor.parameters.binary_data_size == len(behind)
    assert deserialize_bytes_tensor(behind).tolist() == [
        b"0.000000:0:zero",
        b"0.000000:1:one",
        b"0.000000:2:two: the last",
    ]


def test_labels_are_of_each_clip_or_of_one_video() -> None:
    model = loaded(FakeBackend(num_classes=2))
    outputs = Outputs(np.array([[0, 9], [1, 0], [1, 0]], np.float32))
    clips = tensors_of(outputs, model, is_one_video=False)["labels"]
    assert clips.tolist() == [["b"], ["a"], ["a"]]
    # averaged probabilities, as /predict does: two of three views do not outvote a certain one
    assert tensors_of(outputs, model, is_one_video=True)["labels"].tolist() == [["b"]]

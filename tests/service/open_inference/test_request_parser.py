"""Parser of inference requests: JSON and bytes; what is not one of the contract is refused before anything is run."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from service.backends.contract import OUTPUTS
from service.open_inference.errors import BadInferRequest
from service.open_inference.request_parser import MAX_JSON_BYTES, InferCall, OutputForm, parse_call

SPEC = ClipSpec(num_frames=2, short_side=3, crop=3, view=View.SQUEEZE)
CLIPS = np.random.default_rng(0).integers(0, 256, (2, 2, 3, 3, 3), np.uint8)


def _tensor(clips: np.ndarray[Any, Any] = CLIPS, **changes: Any) -> dict[str, Any]:
    tensor = {"name": "clips", "shape": list(clips.shape), "datatype": "UINT8", "data": clips.ravel().tolist()}
    return {name: value for name, value in (tensor | changes).items() if value is not None}


def _binary_tensor(size: int = CLIPS.size, **changes: Any) -> dict[str, Any]:
    return _tensor(data=None, parameters={"binary_data_size": size}, **changes)


def _call(request: Any, behind: bytes | None = None, length: str | None = None) -> InferCall:
    text = json.dumps(request).encode()
    length = str(len(text)) if length is None and behind is not None else length
    return parse_call(bytearray(text + (behind or b"")), length, SPEC, OUTPUTS, max_clips=2)


def _refusal(*arguments: Any, **tensor: Any) -> str:
    with pytest.raises(BadInferRequest) as refused:
        _call(*(arguments or [{"inputs": [_tensor(**tensor)]}]))
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("data", [CLIPS.ravel().tolist(), CLIPS.tolist()])
def test_json_may_be_flat_or_nested(data: list[Any]) -> None:
    np.testing.assert_array_equal(_call({"inputs": [_tensor(data=data)]}).input, CLIPS)


def test_bytes_behind_the_json_become_clips_without_a_copy() -> None:
    text = json.dumps({"inputs": [_binary_tensor()]}).encode()
    body = bytearray(text + CLIPS.tobytes())
    call = parse_call(body, str(len(text)), SPEC, OUTPUTS, max_clips=2)
    np.testing.assert_array_equal(call.input, CLIPS)
    body[-1] ^= 255
    assert not isinstance(call.input, bytes)
    assert call.input[-1, -1, -1, -1, -1] == CLIPS[-1, -1, -1, -1, -1] ^ 255


def test_outputs_are_all_unless_some_are_asked_for() -> None:
    def wanted(**request: Any) -> dict[str, OutputForm]:
        return _call({"inputs": [_tensor()], **request}).outputs

    every = (*OUTPUTS, "labels")
    assert wanted() == dict.fromkeys(every, OutputForm(is_binary=False))
    assert wanted(parameters={"binary_data_output": True}) == dict.fromkeys(every, OutputForm(is_binary=True))
    outputs = [{"name": "weights"}, {"name": "logits", "parameters": {"binary_data": False}}]
    chosen = wanted(parameters={"binary_data_output": True, "priority": 1}, outputs=outputs)
    assert list(chosen.items()) == [("weights", OutputForm(is_binary=True)), ("logits", OutputForm(is_binary=False))]


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        ({"name": "frames"}, "takes one input, 'clips' or 'video'"),
        ({"datatype": "FP32"}, "of UINT8, not 'FP32'"),
        ({"shape": [2, 2, 3, 3]}, r"have the shape [-1, 2, 3, 3, 3], not [2, 2, 3, 3]"),
        ({"shape": []}, "have the shape"),
        ({"shape": [2, 3, 2, 3, 3]}, "not [2, 3, 2, 3, 3]"),
        ({"shape": [-2, 2, 3, 3, 3]}, "inputs.0.shape.0: Input should be greater than"),
        ({"shape": [0, 2, 3, 3, 3]}, "1 to 2 clips, not 0"),
        ({"shape": [3, 2, 3, 3, 3]}, "1 to 2 clips, not 3"),
        ({"shape": [1, 2, 3, 3, 3]}, "have 54 values, not 108"),
        ({"data": []}, "have 108 values, not 0"),
        ({"data": [256] * 108}, "whole numbers from 0 to 255"),
        ({"data": [-1] * 108}, "whole numbers from 0 to 255"),
        ({"data": [1.5] * 108}, "whole numbers from 0 to 255"),
        ({"data": ["1"] * 108}, "whole numbers from 0 to 255"),
        ({"data": [None] * 108}, "whole numbers from 0 to 255"),
        ({"data": "1" * 108}, "data is not a list"),
        ({"data": {"0": 1}}, "data is not a list"),
        ({"data": [[1] * 53, [1] * 55]}, "not nested by the shape"),
        ({"data": [[1], 2]}, "not nested by the shape"),
        ({"data": None}, "either in data or as binary data"),
        ({"parameters": {"binary_data_size": 0}}, "either in data or as binary data"),
        ({"parameters": {"binary_data_size": 108}}, "binary_data_size is 108, but 0 bytes follow"),
        (
            {"parameters": {"shared_memory_region": "x"}},
            "inputs.0.parameters.shared_memory_region: shared memory is not offered",
        ),
        ({"name": "x" * 1000}, "inputs.0.name: String should have at most 128"),
    ],
)
def test_what_is_no_clip_is_refused(tensor: dict[str, Any], reason: str) -> None:
    assert reason in _refusal(**tensor)


def test_bytes_must_be_as_many_as_is_said() -> None:
    def refusal(size: int, behind: bytes, length: str | None = None) -> str:
        return _refusal({"inputs": [_binary_tensor(size)]}, behind, length)

    assert "is 107, but 108 bytes follow" in refusal(107, CLIPS.tobytes())
    assert "have 108 values, not 107" in refusal(107, CLIPS.tobytes()[1:])
    assert "said to have 9999 bytes" in refusal(108, CLIPS.tobytes(), "9999")
    for length in ("-1", "x", "", "1" * 5000, "\u00b2"):
        assert "not a number of bytes" in refusal(108, CLIPS.tobytes(), length)
    assert "not JSON" in refusal(108, CLIPS.tobytes(), "3")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"inputs": ' + b"[" * 100_000, "not JSON"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[]", "the request: Input should be a valid dictionary"),
        (b"{}", "inputs: Field required"),
        (b'{"inputs": []}', "takes one input, 'clips' or 'video'"),
        (b'{"inputs": [], "id": "\\ud800"}', "id: "),
        (b" " * (MAX_JSON_BYTES + 1), "larger than 8,000,000 bytes; send the tensor as binary data"),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BadInferRequest, match=reason):
        parse_call(bytearray(body), None, SPEC, OUTPUTS, max_clips=2)


@pytest.mark.parametrize("names", [["scores"], ["logits", "logits"]])
def test_outputs_that_there_are_not_are_refused(names: list[str]) -> None:
    outputs = [{"name": name} for name in names]
    assert "the outputs are logits, features, offsets, weights" in _refusal({"inputs": [_tensor()], "outputs": outputs})


@pytest.mark.parametrize(
    ("model", "name"), [(("logits", "features"), "offsets"), (("logits", "offsets", "weights"), "features")]
)
def test_outputs_are_those_of_the_model(model: tuple[str, ...], name: str) -> None:
    def call(*names: str) -> InferCall:
        request = {"inputs": [_tensor()], "outputs": [{"name": each} for each in names]}
        return parse_call(bytearray(json.dumps(request).encode()), None, SPEC, model, max_clips=2)

    assert tuple(call().outputs) == (*model, "labels")
    assert tuple(call(*model).outputs) == model
    with pytest.raises(BadInferRequest, match=name):
        call("logits", name)


VIDEO = b"\x00\xffa video"


def _video(**changes: Any) -> dict[str, Any]:
    tensor = {"name": "video", "shape": [1], "datatype": "BYTES", "data": [base64.b64encode(VIDEO).decode()]}
    return {name: value for name, value in (tensor | changes).items() if value is not None}


def _binary_video(element: bytes, shape: list[int]) -> InferCall:
    tensor = _video(data=None, shape=shape, parameters={"binary_data_size": len(element)})
    return _call({"inputs": [tensor]}, element)


@pytest.mark.parametrize("shape", [[1], [1, 1]])
def test_a_video_comes_in_base64_or_as_its_bytes(shape: list[int]) -> None:
    nested = [_video()["data"]] if len(shape) == 2 else _video()["data"]
    assert _call({"inputs": [_video(shape=shape, data=nested)]}).input == VIDEO
    assert _binary_video(len(VIDEO).to_bytes(4, "little") + VIDEO, shape).input == VIDEO


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"datatype": "UINT8"}, "of BYTES, not 'UINT8'"),
        ({"shape": [2]}, "one video a request, not [2]"),
        ({"shape": []}, "one video a request, not []"),
        ({"data": ["not base64!"]}, "not base64"),
        ({"data": ["YQ"]}, "not base64"),
        ({"data": [1]}, "one text, the file in base64"),
        ({"data": ["YQ==", "YQ=="]}, "one text, the file in base64"),
        ({"data": []}, "one text, the file in base64"),
        ({"data": [""]}, "0 bytes were received"),
        ({"data": None}, "'video' comes either in data or as binary data"),
        ({"parameters": {"content_type": "base64"}}, "inputs.0.parameters.content_type"),
    ],
)
def test_what_is_no_video_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert reason in _refusal({"inputs": [_video(**changes)]})


@pytest.mark.parametrize("element", [b"", b"\x01\x00\x00", b"\x02\x00\x00\x00a", b"\x01\x00\x00\x00ab", b"\xff" * 8])
def test_a_binary_video_is_one_element(element: bytes) -> None:
    with pytest.raises(BadInferRequest, match="an element is its length"):
        _binary_video(element, [1])


def test_a_request_has_one_input() -> None:
    assert "takes one input" in _refusal({"inputs": [_tensor(), _video()]})
    assert "takes one input" in _refusal({"inputs": [_video(), _video()]})


def test_a_classification_is_a_number_of_classes() -> None:
    def forms(classification: Any, name: str = "logits") -> dict[str, OutputForm]:
        outputs = [{"name": name, "parameters": {"classification": classification, "binary_data": True}}]
        return _call({"inputs": [_tensor()], "outputs": outputs}).outputs

    assert forms(3) == {"logits": OutputForm(is_binary=True, num_classes=3)}
    assert forms(0, "labels") == {"labels": OutputForm(is_binary=True)}
    for wrong in (-1, 1.5, "x", None):
        with pytest.raises(BadInferRequest, match=r"outputs\.0\.parameters\.classification"):
            forms(wrong)
    with pytest.raises(BadInferRequest, match="have no classification"):
        forms(1, "labels")

"""Parser of inference requests: JSON, and the bytes of the tensor that follow it.

The bytes are little-endian and row-major (the protocol's Binary Tensor Data Extension).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from clips.clip_spec import ClipSpec
from service.backends.base import Clips
from service.backends.contract import INPUT
from service.open_inference.clips_input import read_clips
from service.open_inference.errors import BadInferRequest
from service.open_inference.infer_request import InferRequest, InputTensor, RequestedOutput
from service.open_inference.metadata import LABELS, VIDEO
from service.open_inference.video_input import read_video

MAX_JSON_BYTES = 8_000_000
"""Holds a clip of 8 x 224 x 224. JSON can take 26 times its size in memory, and no other thread runs while it is read;
what is larger can be sent as bytes."""

_MAX_LENGTH_DIGITS = 12


class OutputForm(NamedTuple):
    """Form in which an output is answered: as bytes or JSON, and as so many classes, or with 0 as its values."""

    is_binary: bool
    num_classes: int = 0


@dataclass(frozen=True)
class InferCall:
    """A parsed request: uint8 clips [N, T, H, W, 3] or a video file's bytes, and the requested outputs in order."""

    id: str | None
    input: Clips | bytes
    outputs: dict[str, OutputForm]


def parse_call(
    body: bytearray, json_length: str | None, spec: ClipSpec, outputs: Sequence[str], max_clips: int
) -> InferCall:
    """Parse a request's body.

    Args:
        body: The body.
        json_length: The header Inference-Header-Content-Length; without it the whole body is JSON.
        spec: The model's input.
        outputs: Names of the graph's outputs.
        max_clips: Largest number of clips.

    Raises BadInferRequest.
    """
    length = _parse_length(json_length, len(body))
    request = _parse_json(memoryview(body)[:length])
    tensor = _only_input(request)
    data = _data_of(tensor, memoryview(body)[length:])
    given = read_video(tensor, data) if tensor.name == VIDEO else read_clips(tensor, data, spec, max_clips)
    return InferCall(request.id, given, _choose_outputs(request, [*outputs, LABELS]))


def _parse_length(header: str | None, body_length: int) -> int:
    length = body_length if header is None else _number(header)
    if length > body_length:
        raise BadInferRequest(f"the JSON is said to have {length} bytes, but the body has {body_length}")
    if length > MAX_JSON_BYTES:
        raise BadInferRequest(f"the JSON is larger than {MAX_JSON_BYTES:,} bytes; send the tensor as binary data")
    return length


def _number(header: str) -> int:
    if header.isascii() and header.isdecimal() and len(header) <= _MAX_LENGTH_DIGITS:
        return int(header)
    raise BadInferRequest("Inference-Header-Content-Length is not a number of bytes")


def _parse_json(text: memoryview) -> InferRequest:
    try:
        return InferRequest.model_validate(json.loads(bytes(text)))
    except ValidationError as error:
        raise BadInferRequest(_first_fault(error)) from error
    except (ValueError, RecursionError) as error:
        raise BadInferRequest("the request is not JSON that can be read") from error


def _first_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "the request"
    if "shared_memory" in place:
        return f"{place}: shared memory is not offered; send the tensor as binary data"
    return f"{place}: {first['msg']}"


def _only_input(request: InferRequest) -> InputTensor:
    if len(request.inputs) != 1 or request.inputs[0].name not in (INPUT, VIDEO):
        raise BadInferRequest(f"the model takes one input, {INPUT!r} or {VIDEO!r}, and no other")
    return request.inputs[0]


def _data_of(tensor: InputTensor, behind: memoryview) -> Any:
    size = tensor.parameters.binary_data_size
    if (size or 0) != len(behind):
        raise BadInferRequest(f"binary_data_size is {size or 0}, but {len(behind)} bytes follow the JSON")
    if (size is None) == (tensor.data is None):
        raise BadInferRequest(f"{tensor.name!r} comes either in data or as binary data")
    return tensor.data if size is None else behind


def _choose_outputs(request: InferRequest, outputs: Sequence[str]) -> dict[str, OutputForm]:
    default = request.parameters.binary_data_output
    forms: dict[str, OutputForm] = {}
    for wanted in request.outputs:
        if wanted.name not in outputs or wanted.name in forms:
            raise BadInferRequest(_refuse_output(wanted.name, outputs))
        forms[wanted.name] = _form_of(wanted, default)
    return forms or dict.fromkeys(outputs, OutputForm(default))


def _form_of(wanted: RequestedOutput, default: bool) -> OutputForm:
    binary, num_classes = wanted.parameters.binary_data, wanted.parameters.classification
    if num_classes and wanted.name == LABELS:
        raise BadInferRequest(f"{LABELS!r} are texts, which have no classification; ask for that of 'logits'")
    return OutputForm(default if binary is None else binary, num_classes)


def _refuse_output(name: str, outputs: Sequence[str]) -> str:
    refused = f"the outputs are {', '.join(outputs)}, each at most once; not {name!r}"
    if name == "features" and name not in outputs:
        return f"{refused}, which the model was exported before; rebuild it with `tin reexport`"
    return refused

"""Codec of the Open Inference Protocol's tensors: JSON, or bytes behind it.

The bytes are little-endian and row-major (the protocol's Binary Tensor Data Extension).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from pydantic import ValidationError

from clips.clip_spec import ClipSpec
from service.api.schemas.v2 import BinarySize, InferRequest, InputTensor, OutputTensor, TensorMetadata
from service.backends.base import Clips, Outputs
from service.backends.contract import DTYPES, INPUT, shape_of

DTYPE_NAMES = {"uint8": "UINT8", "float32": "FP32"}
"""The protocol's names of the contract's element types."""

MAX_JSON_BYTES = 8_000_000
"""Holds a clip of 8 x 224 x 224. JSON can take 26 times its size in memory, and no other thread runs while it is read;
what is larger can be sent as bytes."""

_MAX_LENGTH_DIGITS = 12


class BadInferRequest(ValueError):
    """The request does not fit the model; the message says why."""


@dataclass(frozen=True)
class InferCall:
    """A parsed request; `binary_of` maps the requested outputs, in order, to True for those requested as bytes."""

    id: str | None
    clips: Clips
    binary_of: dict[str, bool]


def describe_input(spec: ClipSpec) -> TensorMetadata:
    """`clips`, UINT8 [-1, T, H, W, 3]."""
    return _describe(INPUT, T=spec.num_frames, H=spec.crop, W=spec.crop)


def describe_outputs(names: Sequence[str], spec: ClipSpec, num_classes: int) -> list[TensorMetadata]:
    """A model's outputs, FP32; the numbers of features and of blocks are the model's own affair."""
    return [_describe(name, T=spec.num_frames, K=num_classes) for name in names]


def parse_call(
    body: bytearray, json_length: str | None, spec: ClipSpec, outputs: Sequence[str], max_clips: int
) -> InferCall:
    """Parse a request's body into uint8 clips [N, T, H, W, 3], without a copy where they came as bytes.

    Args:
        body: The body.
        json_length: The header Inference-Header-Content-Length; without it the whole body is JSON.
        spec: The model's input.
        outputs: Names of the model's outputs.
        max_clips: Largest N.

    Raises BadInferRequest.
    """
    length = _parse_length(json_length, len(body))
    request = _parse_json(memoryview(body)[:length])
    tensor = _only_input(request, spec, max_clips)
    values = _values(tensor, memoryview(body)[length:])
    return InferCall(request.id, values.reshape(tensor.shape), _choose_outputs(request, outputs))


def render_outputs(outputs: Outputs, binary_of: dict[str, bool]) -> tuple[list[OutputTensor], bytes]:
    """The requested tensors, and the bytes of those that were requested as bytes."""
    tensors, behind = [], b""
    arrays = outputs.arrays()
    for name, is_binary in binary_of.items():
        if name not in arrays:
            continue
        values = np.ascontiguousarray(arrays[name], dtype="<f4")
        tensor = OutputTensor(name=name, shape=list(values.shape), datatype="FP32")
        if is_binary:
            tensor.parameters = BinarySize(binary_data_size=values.nbytes)
            behind += values.tobytes()
        else:
            tensor.data = values.ravel().tolist()
        tensors.append(tensor)
    return tensors, behind


def _describe(name: str, **sizes: int) -> TensorMetadata:
    return TensorMetadata(name=name, datatype=DTYPE_NAMES[DTYPES[name]], shape=shape_of(name, **sizes))


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
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the request"
        raise BadInferRequest(f"{place}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise BadInferRequest("the request is not JSON that can be read") from error


def _only_input(request: InferRequest, spec: ClipSpec, max_clips: int) -> InputTensor:
    if [tensor.name for tensor in request.inputs] != [INPUT]:
        raise BadInferRequest(f"the model takes one input, {INPUT!r}, and no other")
    tensor, takes = request.inputs[0], describe_input(spec)
    if tensor.datatype != takes.datatype:
        raise BadInferRequest(f"{INPUT} are of {takes.datatype}, not {tensor.datatype!r}")
    if tensor.shape[1:] != takes.shape[1:]:
        raise BadInferRequest(f"{INPUT} have the shape {takes.shape}, not {tensor.shape}")
    if not 1 <= tensor.shape[0] <= max_clips:
        raise BadInferRequest(f"a request holds 1 to {max_clips} clips, not {tensor.shape[0]}")
    return tensor


def _values(tensor: InputTensor, behind: memoryview) -> Clips:
    size, expected = tensor.parameters.binary_data_size, math.prod(tensor.shape)
    if (size or 0) != len(behind):
        raise BadInferRequest(f"binary_data_size is {size or 0}, but {len(behind)} bytes follow the JSON")
    if (size is None) == (tensor.data is None):
        raise BadInferRequest(f"{INPUT} come either in data or as binary data")
    values = behind if size is not None else _bytes_of(tensor.data, tensor.shape)
    if len(values) != expected:
        raise BadInferRequest(f"{INPUT} of the shape {tensor.shape} have {expected} values, not {len(values)}")
    return np.frombuffer(values, np.uint8)


def _bytes_of(data: Any, shape: list[int]) -> bytearray:
    if not isinstance(data, list):
        raise BadInferRequest("data is not a list")
    flat = _flat(data, shape)
    try:  # bytearray() takes whole numbers from 0 to 255 and nothing else; numpy would also take 1.5 and "12"
        return bytearray(flat)
    except (TypeError, ValueError) as error:
        raise BadInferRequest("data holds other values than whole numbers from 0 to 255") from error


def _flat(data: list[Any], shape: list[int]) -> list[Any]:
    for size in shape[1:]:
        if not data or not isinstance(data[0], list):
            break
        if not all(isinstance(row, list) and len(row) == size for row in data):
            raise BadInferRequest(f"data is not nested by the shape {shape}")
        data = list(chain.from_iterable(data))
    return data


def _choose_outputs(request: InferRequest, outputs: Sequence[str]) -> dict[str, bool]:
    default = request.parameters.binary_data_output
    binary_of: dict[str, bool] = {}
    for wanted in request.outputs:
        if wanted.name not in outputs or wanted.name in binary_of:
            raise BadInferRequest(_refuse_output(wanted.name, outputs))
        given = wanted.parameters.binary_data
        binary_of[wanted.name] = default if given is None else given
    return binary_of or dict.fromkeys(outputs, default)


def _refuse_output(name: str, outputs: Sequence[str]) -> str:
    refused = f"the outputs are {', '.join(outputs)}, each at most once; not {name!r}"
    if name == "features" and name not in outputs:
        return f"{refused}, which the model was exported before; rebuild it with `tin reexport`"
    return refused

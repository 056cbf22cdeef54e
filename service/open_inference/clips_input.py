"""Input `clips`: a tensor of a request as uint8 clips, without a copy where they came as bytes."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import numpy as np

from clips.clip_spec import ClipSpec
from service.backends.base import Clips
from service.backends.contract import INPUT
from service.open_inference.errors import BadInferRequest
from service.open_inference.infer_request import InputTensor
from service.open_inference.metadata import describe_clips


def read_clips(tensor: InputTensor, data: Any, spec: ClipSpec, max_clips: int) -> Clips:
    """Return the clips uint8 [N, T, H, W, 3].

    Args:
        tensor: The input as the request describes it.
        data: Its values: a memoryview of bytes behind the JSON, or what the JSON holds.
        spec: The model's input.
        max_clips: Largest N.

    Raises BadInferRequest.
    """
    _check_type(tensor, spec, max_clips)
    values = data if isinstance(data, memoryview) else _bytes_of(data, tensor.shape)
    expected = math.prod(tensor.shape)
    if len(values) != expected:
        raise BadInferRequest(f"{INPUT} of the shape {tensor.shape} have {expected} values, not {len(values)}")
    return np.frombuffer(values, np.uint8).reshape(tensor.shape)


def _check_type(tensor: InputTensor, spec: ClipSpec, max_clips: int) -> None:
    takes = describe_clips(spec)
    if tensor.datatype != takes.datatype:
        raise BadInferRequest(f"{INPUT} are of {takes.datatype}, not {tensor.datatype!r}")
    if tensor.shape[1:] != takes.shape[1:]:
        raise BadInferRequest(f"{INPUT} have the shape {takes.shape}, not {tensor.shape}")
    if not 1 <= tensor.shape[0] <= max_clips:
        raise BadInferRequest(f"a request holds 1 to {max_clips} clips, not {tensor.shape[0]}")


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

"""Input `video`: a tensor of a request as the bytes of one video file.

JSON holds texts, and no text holds a file's bytes, so `data` is the file in base64. As binary data it is the file.
"""

from __future__ import annotations

import binascii
from typing import Any

from service.open_inference.bytes_tensor import BrokenElement, only_element
from service.open_inference.errors import BadInferRequest
from service.open_inference.infer_request import InputTensor
from service.open_inference.metadata import VIDEO, describe_video

SHAPES = ([1], [1, 1])
"""One video, without and with the axis of the batch."""


def read_video(tensor: InputTensor, data: Any) -> bytes:
    """Return the file's bytes; `data` is a memoryview of bytes behind the JSON, or what the JSON holds.

    Raises BadInferRequest.
    """
    _check_type(tensor)
    video = _element_of(data) if isinstance(data, memoryview) else _from_base64(data)
    if not video:
        raise BadInferRequest(f"{VIDEO} is empty: 0 bytes were received")
    return video


def _check_type(tensor: InputTensor) -> None:
    takes = describe_video()
    if tensor.datatype != takes.datatype:
        raise BadInferRequest(f"{VIDEO} is of {takes.datatype}, not {tensor.datatype!r}")
    if tensor.shape not in SHAPES:
        raise BadInferRequest(f"{VIDEO} has the shape [1] or [1, 1], one video a request, not {tensor.shape}")


def _element_of(data: memoryview) -> bytes:
    try:
        return bytes(only_element(data))
    except BrokenElement as error:
        raise BadInferRequest(f"{VIDEO} is not an element of a BYTES tensor: {error}") from error


def _from_base64(data: Any) -> bytes:
    while isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, str):
        raise BadInferRequest(f"the data of {VIDEO} is not a list of one text, the file in base64")
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except ValueError as error:
        raise BadInferRequest(f"the data of {VIDEO} is not base64; send the file itself as binary data") from error

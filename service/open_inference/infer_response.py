"""Answer of POST /v2/models/.../infer: its JSON, and the bytes of the tensors that were requested as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from service.backends.base import Outputs
from service.backends.contract import REQUIRED_OUTPUT
from service.models.versions import LoadedModel
from service.open_inference.bytes_tensor import join_texts
from service.open_inference.classification import classify
from service.open_inference.metadata import LABELS
from service.open_inference.request_parser import OutputForm

Tensor = NDArray[Any]
"""float32, or objects that are texts."""


class BinarySize(BaseModel):
    """The size of a tensor's bytes, which follow the JSON in the order of the tensors."""

    binary_data_size: int


class OutputTensor(BaseModel):
    """One tensor of the answer."""

    name: str
    shape: list[int]
    datatype: str
    parameters: BinarySize | None = None
    data: list[float] | list[str] | None = Field(default=None, description="Values in row-major order")


class InferResponse(BaseModel):
    """The JSON of the answer."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


def tensors_of(outputs: Outputs, model: LoadedModel, *, is_one_video: bool) -> dict[str, Tensor]:
    """Return the graph's outputs by name, and `labels` [N, 1]: of each clip, or [1, 1] of all as one video's views."""
    views = outputs.logits[None] if is_one_video else outputs.logits[:, None]
    best = model.probabilities(views).argmax(axis=-1)
    return {**outputs.arrays(), LABELS: np.array([[model.labels[index]] for index in best], np.object_)}


def render_outputs(
    tensors: Mapping[str, Tensor], forms: Mapping[str, OutputForm], class_labels: Sequence[str]
) -> tuple[list[OutputTensor], bytes]:
    """Return the requested tensors, and the bytes of those that were requested as bytes.

    One that is not among `tensors` is left out. `class_labels` name the logits in a classification.
    """
    rendered, behind = [], []
    for name, form in forms.items():
        if name not in tensors:
            continue
        values = tensors[name]
        if form.num_classes:
            values = classify(values, form.num_classes, class_labels if name == REQUIRED_OUTPUT else ())
        tensor, data = _render(name, values, is_binary=form.is_binary)
        rendered.append(tensor)
        behind.append(data)
    return rendered, b"".join(behind)


def _render(name: str, values: Tensor, *, is_binary: bool) -> tuple[OutputTensor, bytes]:
    is_text = values.dtype == np.object_
    tensor = OutputTensor(name=name, shape=list(values.shape), datatype="BYTES" if is_text else "FP32")
    if not is_binary:
        tensor.data = values.ravel().tolist()
        return tensor, b""
    data = join_texts(values.ravel()) if is_text else np.ascontiguousarray(values, dtype="<f4").tobytes()
    tensor.parameters = BinarySize(binary_data_size=len(data))
    return tensor, data

"""Signature of an exported graph: the shapes of its input and outputs for one clip, read from the file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, TypeProto

from export.errors import ExportError
from service.backends.contract import DTYPES, INPUT, OUTPUTS, REQUIRED_OUTPUT, known_outputs

Shape = tuple[int, ...]

DTYPE_NAMES = {"uint8": "UINT8", "float32": "FLOAT"}
"""ONNX's names of the contract's element types."""


class Signature(NamedTuple):
    """Shapes without the batch axis, for T frames of H x W pixels, K classes, D features and B blocks.

    An output that the graph does not have is None.
    """

    clips: Shape
    """[T, H, W, 3], uint8."""
    logits: Shape
    """[K], float32."""
    features: Shape | None = None
    """[D], float32."""
    offsets: Shape | None = None
    """[B, 2], float32."""
    weights: Shape | None = None
    """[B, T, 2], float32."""

    def outputs(self) -> dict[str, Shape]:
        """Return the shapes of the outputs that the graph has, by name, in the contract's order."""
        return {name: shape for name in OUTPUTS if (shape := getattr(self, name)) is not None}


def read_signature(path: Path) -> Signature:
    """Return the signature of an ONNX file. Raises ExportError when the graph does not keep the contract, and OSError.

    read_signature(Path("model.onnx")).clips    # (8, 224, 224, 3)
    """
    return parse_signature(path.read_bytes(), path.name)


def parse_signature(content: bytes, file: str) -> Signature:
    """Return the signature of a serialised graph; `file` is its name in errors. Raises ExportError."""
    try:
        graph = onnx.load_from_string(content).graph
    except DecodeError as error:
        raise ExportError(f"{file} is not an ONNX file") from error
    tensors = {value.name: value.type.tensor_type for value in (*graph.input, *graph.output)}
    missing = [name for name in (INPUT, REQUIRED_OUTPUT) if name not in tensors]
    if missing:
        raise ExportError(f"{file} has no tensor {', '.join(missing)}; export the checkpoint again")
    names = (INPUT, *known_outputs(tensors))
    return Signature(**{name: _shape_for_one_clip(file, name, tensors[name]) for name in names})


def _shape_for_one_clip(file: str, name: str, tensor: TypeProto.Tensor) -> Shape:
    found, expected = TensorProto.DataType.Name(tensor.elem_type), DTYPE_NAMES[DTYPES[name]]
    if found != expected:
        raise ExportError(f"{file}: {name} is {found}, not {expected}")
    fixed = [axis.HasField("dim_value") for axis in tensor.shape.dim]
    if not fixed or fixed[0] or not all(fixed[1:]):
        raise ExportError(f"{file}: the first axis of {name} must be dynamic and the others fixed")
    return tuple(axis.dim_value for axis in tensor.shape.dim[1:])

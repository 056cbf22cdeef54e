"""Metadata of a model in the Open Inference Protocol, compared with what the store's graph takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from service.backends.contract import DTYPES, INPUT
from service.backends.remote.errors import NotServed

DTYPE_NAMES = {"uint8": "UINT8", "float32": "FP32"}
"""The protocol's names of the contract's element types."""

Shape = Sequence[int]
"""Sizes of a tensor's axes; -1 is an axis of any length."""


class TensorMetadata(BaseModel):
    """An input or output."""

    name: str
    datatype: str
    shape: list[int]

    def __str__(self) -> str:
        return f"{self.datatype} {self.shape}"


class ModelMetadata(BaseModel):
    """A model's inputs and outputs."""

    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]

    def check(self, clips: Shape, outputs: Mapping[str, Shape]) -> None:
        """Raise NotServed unless the model takes `clips` and gives the outputs, by name; it may do more than that."""
        _check(self.inputs, {INPUT: clips})
        _check(self.outputs, outputs)


def _check(found: Sequence[TensorMetadata], wanted: Mapping[str, Shape]) -> None:
    by_name = {tensor.name: tensor for tensor in found}
    for name, shape in wanted.items():
        own = TensorMetadata(name=name, datatype=DTYPE_NAMES[DTYPES[name]], shape=list(shape))
        if name not in by_name:
            raise NotServed(f"the server's model has no {name}, the store's has {own}; it has {', '.join(by_name)}")
        if not _fits(by_name[name], own):
            raise NotServed(f"the {name} of the server's model are {by_name[name]}, those of the store's {own}")


def _fits(server: TensorMetadata, own: TensorMetadata) -> bool:
    """Return True for the same type and axes; an axis of the server may also be of any length."""
    same_rank = len(server.shape) == len(own.shape)
    return same_rank and server.datatype == own.datatype and _axes_fit(server.shape, own.shape)


def _axes_fit(server: Shape, own: Shape) -> bool:
    return all(axis in {-1, size} for axis, size in zip(server, own, strict=True))

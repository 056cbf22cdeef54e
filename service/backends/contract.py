"""Graph contract: names, element types and shapes of the input and the outputs of every exported graph.

The exporter writes graphs that keep it, each backend checks a graph against it while loading, and the API of the Open
Inference Protocol publishes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

INPUT = "clips"
"""RGB frames; normalisation and layout are part of the graph."""

OUTPUTS = ("logits", "features", "offsets", "weights")
"""Scores before the softmax; the input of the classification head, a mean over frames; and the offsets, in frames, and
weights that each block interlaced by. Graphs from before there were features have none."""

REQUIRED_OUTPUT = "logits"

INTERLACING_OUTPUTS = ("offsets", "weights")
"""Those that only networks with interlacing have."""

DTYPES = {
    "clips": "uint8",
    "logits": "float32",
    "features": "float32",
    "offsets": "float32",
    "weights": "float32",
}
"""NumPy's names of the element types."""

SHAPES: dict[str, tuple[str | int, ...]] = {
    "clips": ("N", "T", "H", "W", 3),
    "logits": ("N", "K"),
    "features": ("N", "D"),
    "offsets": ("N", "B", 2),
    "weights": ("N", "B", "T", 2),
}
"""N clips of T frames of H x W pixels, K classes, D features, B blocks that interlace. Only N is dynamic."""


WEIGHT_BITS = "weight_bits"
"""Metadata property of an int8 graph: the bits that its weights take."""

SAFE_WEIGHT_BITS = 7
"""Weights of -64 to 64: two products with features of 0 to 255 add up to 32640 at most, and 16 bits hold 32767.
CPUs without VNNI add products in pairs, in 16 bits that saturate."""


class TensorType(NamedTuple):
    """Name, element type as a runtime spells it, and rank of a tensor."""

    name: str
    dtype: str
    rank: int

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype} of rank {self.rank}"


def outputs_of_network(*, interlaces: bool) -> tuple[str, ...]:
    """Return the outputs of a network that does or does not interlace, as exports of today have them.

    >>> outputs_of_network(interlaces=False)
    ('logits', 'features')
    """
    return tuple(name for name in OUTPUTS if interlaces or name not in INTERLACING_OUTPUTS)


def known_outputs(names: Iterable[str]) -> tuple[str, ...]:
    """Return the outputs of the contract that are among `names`, in the contract's order.

    >>> known_outputs(["features", "logits", "attention"])
    ('logits', 'features')
    """
    given = set(names)
    return tuple(name for name in OUTPUTS if name in given)


def tensor_types(names: Iterable[str], dtype_names: Mapping[str, str]) -> set[TensorType]:
    """Return the types of the contract's tensors `names`, spelled by `dtype_names`: from NumPy's names to a runtime's.

    >>> tensor_types(["logits"], {"float32": "FLOAT"})
    {TensorType(name='logits', dtype='FLOAT', rank=2)}
    """
    return {TensorType(name, dtype_names[DTYPES[name]], len(SHAPES[name])) for name in names}


def list_types(types: Iterable[TensorType]) -> str:
    """Return the types as text for an error message, sorted by name; "nothing" for none."""
    return ", ".join(map(str, sorted(types))) or "nothing"


def shape_of(name: str, **sizes: int) -> list[int]:
    """Return the shape of a tensor; an axis whose size is not given is -1.

    >>> shape_of("weights", T=8)
    [-1, -1, 8, 2]
    """
    return [axis if isinstance(axis, int) else sizes.get(axis, -1) for axis in SHAPES[name]]

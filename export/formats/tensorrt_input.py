"""Input of a graph in the form for TensorRT, which casts uint8 before any other layer takes it.

The graph itself transposes first, while the clips are bytes, which suits ONNX Runtime.
"""

from __future__ import annotations

import onnx

from service.backends.contract import INPUT


def cast_input_first(graph: bytes) -> bytes:
    """Return the serialised graph with its input cast and then transposed; unchanged where it is cast already."""
    model = onnx.load_from_string(graph)
    [reader] = [node for node in model.graph.node if INPUT in node.input]
    if reader.op_type != "Transpose":
        return graph
    between = reader.output[0]
    [cast] = [node for node in model.graph.node if between in node.input]
    permutation = list(reader.attribute)
    _become(reader, "Cast", list(cast.attribute))
    _become(cast, "Transpose", permutation)
    kept = [value for value in model.graph.value_info if value.name != between]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    prepared: bytes = model.SerializeToString()
    return prepared


def _become(node: onnx.NodeProto, operator: str, attributes: list[onnx.AttributeProto]) -> None:
    copies = [onnx.AttributeProto.FromString(attribute.SerializeToString()) for attribute in attributes]
    node.op_type = operator
    del node.attribute[:]
    node.attribute.extend(copies)

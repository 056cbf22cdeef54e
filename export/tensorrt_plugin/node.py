"""The ONNX nodes `tin::TemporalInterlace` and `tin::InterlacePlan`: names, and form for TensorRT's parser."""

from __future__ import annotations

import onnx

DOMAIN = "tin"
"""Domain of the ONNX nodes; namespace of the plugins."""

INTERLACE, PLAN = "TemporalInterlace", "InterlacePlan"
"""Types of the ONNX nodes; names of the plugins."""


def has_node(graph: bytes) -> bool:
    """Return True if a serialised graph has one of the nodes."""
    return any(_is_ours(node) for node in onnx.load_from_string(graph).graph.node)


def prefer_plugin(graph: bytes) -> bytes:
    """Return the graph with its nodes assigned to the plugins, and without the functions that define them.

    TensorRT 11's parser searches the namespace in the attribute `plugin_namespace`, not the node's domain, and silently
    uses the function if it finds no plugin there (onnx-tensorrt, ModelImporter.cpp, parseNode).
    """
    model = onnx.load_from_string(graph)
    for node in model.graph.node:
        if _is_ours(node):
            node.attribute.append(onnx.helper.make_attribute("plugin_namespace", DOMAIN))
    others = [function for function in model.functions if function.domain != DOMAIN]
    del model.functions[:]
    model.functions.extend(others)
    prepared: bytes = model.SerializeToString()
    return prepared


def _is_ours(node: onnx.NodeProto) -> bool:
    return node.domain == DOMAIN and node.op_type in (INTERLACE, PLAN)

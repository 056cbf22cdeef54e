"""The ONNX node `tin::TemporalInterlace`, as TensorRT's parser needs it."""

from __future__ import annotations

import onnx

DOMAIN, OPERATOR = "tin", "TemporalInterlace"
"""Of the ONNX node; namespace and name of the plugin."""


def prefer_plugin(graph: bytes) -> bytes:
    """The graph with its nodes marked as the plugin's, and without the function that describes them to others.

    TensorRT 11's parser looks in the namespace that the attribute `plugin_namespace` names, not in the node's
    domain, and silently takes the function where it finds nothing (onnx-tensorrt, ModelImporter.cpp, parseNode).
    """
    model = onnx.load_from_string(graph)
    for node in model.graph.node:
        if (node.domain, node.op_type) == (DOMAIN, OPERATOR):
            node.attribute.append(onnx.helper.make_attribute("plugin_namespace", DOMAIN))
    others = [function for function in model.functions if function.domain != DOMAIN]
    del model.functions[:]
    model.functions.extend(others)
    prepared: bytes = model.SerializeToString()
    return prepared

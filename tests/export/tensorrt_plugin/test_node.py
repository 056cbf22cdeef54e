"""The ONNX node in the form for TensorRT's parser."""

import onnx.parser

from export.tensorrt_plugin.node import INTERLACE, PLAN, prefer_plugin

GRAPH = """
<ir_version: 10, opset_import: ["" : 18, "tin" : 1, "other" : 1]>
both (float[n, 4, 2, 2] x, float[n, 4] p) => (float[n, 4, 2, 2] z)
{
    o, w = tin.InterlacePlan <num_frames = 8> (p)
    y = tin.TemporalInterlace <num_frames = 8> (x, o, w)
    z = other.Same (y)
}
<opset_import: ["" : 18], domain: "tin">
TemporalInterlace <num_frames> (features, offsets, weights) => (output) { output = Identity (features) }
<opset_import: ["" : 18], domain: "tin">
InterlacePlan <num_frames> (pooled) => (offsets, weights) { offsets = Identity (pooled) weights = Identity (pooled) }
<opset_import: ["" : 18], domain: "other">
Same (x) => (y) { y = Identity (x) }
"""


def test_only_our_nodes_become_the_plugins():
    prepared = onnx.load_from_string(prefer_plugin(onnx.parser.parse_model(GRAPH).SerializeToString()))
    *ours, other = prepared.graph.node
    assert [node.op_type for node in ours] == [PLAN, INTERLACE]
    for node in ours:
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        assert attributes == {"num_frames": 8, "plugin_namespace": b"tin"}
    assert not other.attribute
    assert [(function.domain, function.name) for function in prepared.functions] == [("other", "Same")]

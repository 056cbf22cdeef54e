"""ONNX export: equality with torch and with recorded values, contract, operators, precision."""

import dataclasses
from functools import cache

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import numpy_helper

from clips.clip_spec import ClipSpec
from export.errors import ExportError
from export.graph import onnx_export
from export.graph.interlacing import Interlacer, plan_by_layers
from export.graph.onnx_export import GraphVariant, interlacer_of_nodes, skeleton, to_onnx, trace
from export.graph.onnx_function import define_nodes, interlace_by_node, plan_by_node
from export.graph.split_network import SplitNetwork
from export.precision import Precision
from export.tensorrt_plugin.launch import LAYERS, MOST_PLANNED_FRAMES
from export.tensorrt_plugin.node import DOMAIN, INTERLACE, PLAN
from tests.helpers.graphs.from_floats import FromFloats
from tests.helpers.paths import REPOSITORY
from tests.helpers.plugin.plan_cases import make_plan_case
from tests.helpers.reference import golden_arrays, normalised_frames, tin_r50_tensors
from tests.helpers.training.foreign_files import from_mmaction2
from training.checkpoints.checkpoint import Checkpoint
from training.model.interlace import interlace
from training.model.tin import Architecture, Normalise, Temporal

CPU = ["CPUExecutionProvider"]


@pytest.fixture(scope="module")
def r50():
    """Checkpoint with the weights of the recorded values."""
    tensors = from_mmaction2({name: torch.from_numpy(values) for name, values in tin_r50_tensors().items()})
    labels = tuple(str(index) for index in range(174))
    return Checkpoint(Architecture(num_classes=174), ClipSpec(), labels, tensors)


@pytest.fixture(scope="module", params=GraphVariant)
def inner(request, r50):
    interlacer = interlacer_of_nodes(8) if request.param is GraphVariant.PLUGIN else Interlacer()
    network = FromFloats(SplitNetwork(r50.build_model(), r50.clip, interlacer)).eval()
    model = trace(network, torch.zeros(2, 8, 3, 224, 224))
    if request.param is GraphVariant.PLUGIN:
        define_nodes(model)
    return ort.InferenceSession(model.SerializeToString(), providers=CPU)


@pytest.mark.parametrize("num_clips", [1, 2, 3])
def test_the_full_network_gives_the_recorded_logits_at_any_batch(inner, num_clips):
    golden = golden_arrays("tin_r50.npz")
    frames = np.tile(normalised_frames(2), (2, 1, 1, 1, 1))[:num_clips]
    logits, offsets = inner.run(["logits", "offsets"], {"clips": frames})
    np.testing.assert_allclose(logits, np.tile(golden["logits_float32"], (2, 1))[:num_clips], atol=5e-6)
    np.testing.assert_allclose(offsets[0], golden["offsets_float32"][:, 0], atol=5e-6)


@pytest.mark.parametrize("num_classes", [174, 400])
def test_the_full_network_answers_as_torch_from_bytes(r50, num_classes):
    head = {"head.weight": torch.randn(num_classes, 2048) / 20, "head.bias": torch.randn(num_classes)}
    architecture = dataclasses.replace(r50.architecture, num_classes=num_classes)
    labels = tuple(str(index) for index in range(num_classes))
    checkpoint = Checkpoint(architecture, r50.clip, labels, r50.tensors | head)
    clips = np.random.default_rng(0).integers(0, 256, (2, 8, 224, 224, 3), np.uint8)
    session = ort.InferenceSession(to_onnx(checkpoint, GraphVariant.PLUGIN), providers=CPU)
    np.testing.assert_allclose(session.run(["logits"], {"clips": clips})[0], torch_logits(checkpoint, clips), atol=1e-4)


@torch.inference_mode()
def torch_logits(checkpoint, clips):
    return checkpoint.build_model()(Normalise(checkpoint.clip)(torch.from_numpy(clips))).numpy()


@pytest.fixture(scope="module")
def export(checkpoint):
    """A function that exports the small network by variant and precision, each only once."""
    return cache(lambda variant, precision: to_onnx(checkpoint, variant, precision))


@pytest.mark.parametrize("precision", Precision)
@pytest.mark.parametrize("variant", GraphVariant)
def test_every_weight_of_a_graph_is_the_checkpoints(checkpoint, export, variant, precision):
    """Also those that are equal to another: torch.onnx would keep one of them."""
    equal = {name: torch.zeros_like(tensor) for name, tensor in checkpoint.tensors.items() if "fc2" in name}
    other = dataclasses.replace(checkpoint, tensors=checkpoint.tensors | equal)
    for each, graph in ((checkpoint, export(variant, precision)), (other, to_onnx(other, variant, precision))):
        arrays = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load_from_string(graph).graph.initializer
        }
        weights = SplitNetwork(each.build_model(), each.clip, precision=precision.dtype).state_dict()
        assert set(weights) <= set(arrays)
        for name, weight in weights.items():
            np.testing.assert_array_equal(arrays[name], weight)


def test_a_weight_that_tracing_loses_is_an_error(checkpoint, monkeypatch):
    monkeypatch.setattr(onnx_export, "trace", lambda *_: onnx.ModelProto())
    with pytest.raises(ExportError, match=r"head\.bias"):
        skeleton.__wrapped__(checkpoint.architecture, checkpoint.clip, GraphVariant.PORTABLE, Precision.FP32)


@pytest.mark.parametrize("precision", Precision)
@pytest.mark.parametrize("variant", GraphVariant)
def test_every_variant_and_precision_keeps_the_contract(checkpoint, export, variant, precision):
    graph = export(variant, precision)
    clips = np.random.default_rng(0).integers(0, 256, (3, 8, 32, 32, 3), np.uint8)
    outputs = ort.InferenceSession(graph, providers=CPU).run(["logits", "offsets", "weights"], {"clips": clips})
    assert [(output.shape, output.dtype) for output in outputs] == [
        ((3, 6), np.float32),
        ((3, 8, 2), np.float32),
        ((3, 8, 8, 2), np.float32),
    ]
    expected = torch_logits(checkpoint, clips)
    worst = {Precision.FP32: 1e-5, Precision.FP16: 1e-2}[precision]
    assert np.abs(outputs[0] - expected).max() < worst * np.abs(expected).max()


@pytest.mark.parametrize("variant", GraphVariant)
def test_a_graph_has_no_paths_of_the_machine(export, variant):
    content = export(variant, Precision.FP32)
    assert b"stack_trace" not in content
    assert str(REPOSITORY).encode() not in content


def test_the_portable_variant_holds_standard_operators_only(export):
    model = onnx.load_from_string(export(GraphVariant.PORTABLE, Precision.FP32))
    assert {node.domain for node in model.graph.node} == {""}
    assert not model.functions
    assert [entry.version for entry in model.opset_import] == [18]


def test_the_plugin_variant_holds_two_nodes_a_block_with_their_definitions(export):
    model = onnx.load_from_string(export(GraphVariant.PLUGIN, Precision.FP32))
    nodes = [node for node in model.graph.node if node.domain == DOMAIN]
    assert [node.op_type for node in nodes] == [PLAN, INTERLACE] * 8
    assert all(onnx.helper.get_node_attr_value(node, "num_frames") == 8 for node in nodes)
    assert [function.name for function in model.functions] == [PLAN, INTERLACE]


def test_half_precision_is_for_the_convolutions_alone(export):
    model = onnx.load_from_string(export(GraphVariant.PORTABLE, Precision.FP16))
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    convolved = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    plans = {name for name in convolved if "_net" in name}
    assert plans
    assert {types[name] for name in plans} == {onnx.TensorProto.FLOAT}
    assert {types[name] for name in convolved - plans} == {onnx.TensorProto.FLOAT16}


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("num_frames", [3, 8])
def test_the_node_equals_the_interlacing_of_training(dtype, num_frames):
    rng = np.random.default_rng(num_frames)
    features = rng.standard_normal((4 * num_frames, 8, 5, 3)).astype(dtype)
    offsets = np.array([[0, 1], [-2, 2], [0.5, -1.25], [1.999, -0.001]], np.float32)
    weights = rng.uniform(0, 2, (4, num_frames, 2)).astype(np.float32)
    inputs = {"features": features, "offsets": offsets, "weights": weights}
    moved = ort.InferenceSession(node_alone(dtype, num_frames), providers=CPU).run(None, inputs)[0]
    expected = interlace(*(torch.from_numpy(array).float() for array in (features, offsets, weights)))
    assert moved.dtype == dtype
    np.testing.assert_allclose(moved, expected, atol=1e-6 if dtype == np.float32 else 2e-2)


def node_alone(dtype, num_frames):
    """Return a graph of one node."""
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node(
        INTERLACE, ["features", "offsets", "weights"], ["moved"], domain=DOMAIN, num_frames=num_frames
    )
    inputs = [
        value("features", kind, ["frames", 8, "height", "width"]),
        value("offsets", onnx.TensorProto.FLOAT, ["clips", 2]),
        value("weights", onnx.TensorProto.FLOAT, ["clips", num_frames, 2]),
    ]
    graph = onnx.helper.make_graph([node], "alone", inputs, [value("moved", kind, None)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    define_nodes(model)
    return model.SerializeToString()


@pytest.mark.parametrize("precision", Precision)
@pytest.mark.parametrize("num_frames", [3, 8])
def test_the_node_of_the_plan_equals_the_networks_of_training(precision, num_frames):
    case = make_plan_case(16, precision, num_frames)
    names = ["pooled", *(name.replace(".", "_") for name in LAYERS)]
    inputs = dict(zip(names, (each.numpy() for each in (case.pooled, *case.parameters)), strict=True))
    value, kind_of = onnx.helper.make_tensor_value_info, onnx.helper.np_dtype_to_tensor_dtype
    node = onnx.helper.make_node(PLAN, names, ["offsets", "weights"], domain=DOMAIN, num_frames=num_frames)
    given = [value(name, kind_of(array.dtype), array.shape) for name, array in inputs.items()]
    given[0] = value("pooled", kind_of(inputs["pooled"].dtype), ["frames", 16])
    outputs = [value(name, onnx.TensorProto.FLOAT, None) for name in ("offsets", "weights")]
    graph = onnx.helper.make_graph([node], "alone", given, outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    define_nodes(model)
    planned = ort.InferenceSession(model.SerializeToString(), providers=CPU).run(None, inputs)
    case.check(*map(torch.from_numpy, planned))


def test_clips_too_long_for_the_kernel_are_planned_by_layers():
    assert interlacer_of_nodes(MOST_PLANNED_FRAMES).plan is plan_by_node
    assert interlacer_of_nodes(MOST_PLANNED_FRAMES + 1) == Interlacer(plan_by_layers, interlace_by_node)


@pytest.mark.parametrize("temporal", [Temporal.TSM, Temporal.NONE])
def test_a_network_without_interlacing_has_no_node_for_the_plugin(checkpoint, temporal):
    architecture = dataclasses.replace(checkpoint.architecture, temporal=temporal)
    with pytest.raises(ExportError, match=temporal):
        to_onnx(dataclasses.replace(checkpoint, architecture=architecture), GraphVariant.PLUGIN)

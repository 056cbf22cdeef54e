"""TensorRT engines: parsing and building by TensorRT-RTX, which needs no GPU."""

import importlib.util

import onnx.parser
import pytest
import torch

from clips.clip_spec import ClipSpec
from export.errors import ExportError, FormatUnavailable
from export.formats.tensorrt import (
    Engine,
    build,
    configure,
    parse,
    require_plugins_in_graphs,
    to_tensorrt,
)
from export.formats.tensorrt_input import cast_input_first
from export.graph.onnx_export import GraphVariant, to_onnx
from export.precision import Precision
from service.backends.batch_sizes import BATCH_SIZES
from service.backends.tensorrt import Target, make_log
from training.checkpoints.checkpoint import Checkpoint
from training.model.tin import TIN, Architecture, Temporal


@pytest.fixture(scope="module")
def rtx():
    """The module of TensorRT-RTX, whose parser and builder are those of TensorRT."""
    return pytest.importorskip("tensorrt_rtx", reason="needs tensorrt-rtx: make test-rtx")


@pytest.fixture(scope="module", params=Temporal)
def full_size(request):
    """Temporal module, and portable graph of the untrained R50 with 174 classes."""
    architecture, spec = Architecture(num_classes=174, temporal=request.param), ClipSpec()
    labels = tuple(f"action {index}" for index in range(architecture.num_classes))
    return request.param, to_onnx(Checkpoint(architecture, spec, labels, TIN(architecture).eval().state_dict(), {}))


@pytest.fixture(scope="module")
def small(checkpoint):
    return to_onnx(checkpoint)


def build_with(rtx, graph, batches=BATCH_SIZES):
    log = make_log(rtx)
    builder = rtx.Builder(log)
    network = parse(rtx, builder, log, cast_input_first(graph))
    config = configure(builder, network, batches)
    config.num_compute_capabilities = 1
    config.set_compute_capability(rtx.ComputeCapability.SM80, 0)
    return network, build(builder, network, config, log)


def test_nvidias_parser_and_builder_take_the_full_size_network(rtx, full_size):
    temporal, graph = full_size
    network, plan = build_with(rtx, graph)
    outputs = [network.get_output(index) for index in range(network.num_outputs)]
    expected = [("logits", "FLOAT", 2), ("features", "FLOAT", 2)]
    if temporal is Temporal.TIN:
        expected += [("offsets", "FLOAT", 3), ("weights", "FLOAT", 4)]
    assert [(output.name, output.dtype.name, len(output.shape)) for output in outputs] == expected
    assert len(plan) > 90e6


@pytest.mark.parametrize("precision", Precision)
def test_without_plugins_the_nodes_are_built_from_their_definitions(rtx, checkpoint, precision):
    network, plan = build_with(rtx, to_onnx(checkpoint, GraphVariant.PLUGIN, precision))
    outputs = [network.get_output(index) for index in range(network.num_outputs)]
    assert {output.dtype.name for output in outputs} == {"FLOAT"}
    assert plan


def test_uint8_must_be_cast_before_it_is_transposed(rtx, small):
    log = make_log(rtx)
    with pytest.raises(ExportError, match="UInt8"):
        parse(rtx, rtx.Builder(log), log, small)


def test_the_parser_s_messages_are_reported(rtx):
    graph = onnx.parser.parse_model("""
        <ir_version: 10, opset_import: ["" : 18, "elsewhere" : 1]>
        nothing (uint8[n, 2, 4, 4, 3] clips) => (float logits) { logits = elsewhere.Unheard (clips) }
    """)
    with pytest.raises(ExportError, match="Unheard"):
        build_with(rtx, graph.SerializeToString())


@pytest.mark.parametrize("batches", [(4, 1, 16), (0, 1, 2), (1, 1), ()])
def test_batches_that_are_no_profiles_are_refused(rtx, small, batches):
    with pytest.raises(ExportError, match="batches"):
        build_with(rtx, small, batches)


@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt") is not None and torch.cuda.is_available(), reason="TensorRT can be used here"
)
def test_without_tensorrt_or_a_gpu_nothing_is_built(tmp_path):
    cache = tmp_path / "timings"
    with pytest.raises(FormatUnavailable, match="TensorRT"):
        to_tensorrt(b"", "fp32", timing_cache=cache)
    assert list(tmp_path.iterdir()) == []


def test_an_engine_is_named_after_what_it_was_built_for():
    engine = Engine(b"", Target("NVIDIA L4", "11.4.0.106"), "fp16")
    assert engine.file == "model-nvidia-l4-fp16-trt11.4.0.106.plan"


@pytest.mark.parametrize("version", ["8.6.1", "10.8.0.43"])
def test_a_tensorrt_that_takes_no_plugin_from_a_graph_is_refused(version):
    with pytest.raises(FormatUnavailable, match=rf"{version} .* 10\.9"):
        require_plugins_in_graphs(version)


def test_newer_ones_are_taken():
    for version in ("10.9.0.34", "10.13.2", "11.4.0.106"):
        require_plugins_in_graphs(version)

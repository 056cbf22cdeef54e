"""Int8 quantisation of the demo model: operators, types, agreement."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from clips.clip_spec import ClipSpec, View
from export.errors import ExportError
from export.graph.int8 import feature_nodes, to_int8
from export.parity.compare import agreement_on
from service.backends.onnx_runtime import OnnxRuntimeBackend
from tests.helpers.paths import REPOSITORY
from training.synthetic.studio import Studio

DEMO = REPOSITORY / "model_store" / "tin-motion" / "1" / "model.onnx"
SPEC = ClipSpec(crop=96, view=View.SQUEEZE)


@pytest.fixture(scope="module")
def clips():
    """Rendered clips, uint8 [128, T, H, W, 3]; the first half is for calibration."""
    studio = Studio(1, num_textures=32)
    return np.stack([studio.draw_example(SPEC, difficulty=1.0)[0] for _ in range(128)])


@pytest.fixture(scope="module")
def int8_path(clips, tmp_path_factory):
    """File of the quantised demo model."""
    path = tmp_path_factory.mktemp("int8") / "model.int8.onnx"
    path.write_bytes(to_int8(DEMO.read_bytes(), np.split(clips[:64], 16)))
    return path


@pytest.fixture(scope="module")
def quantised(int8_path):
    return onnx.load(int8_path)


def producers(model):
    return {output: node for node in model.graph.node for output in node.output}


def frame_convolutions(model):
    """Yield convolutions whose kernel has four dimensions, with or without a DequantizeLinear before it."""
    dims = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    made_by = producers(model)
    for node in model.graph.node:
        if node.op_type == "Conv":
            kernel = made_by[node.input[1]].input[0] if node.input[1] in made_by else node.input[1]
            if len(dims[kernel]) == 4:
                yield node


def test_every_convolution_over_frames_takes_uint8_features_and_int8_weights_of_a_scale_per_channel(quantised):
    arrays = {tensor.name: tensor for tensor in quantised.graph.initializer}
    made_by = producers(quantised)
    convolutions = list(frame_convolutions(quantised))
    assert len(convolutions) == len(list(frame_convolutions(onnx.load(DEMO)))) > 20
    for node in convolutions:
        features, weights = made_by[node.input[0]], made_by[node.input[1]]
        assert arrays[features.input[2]].data_type == onnx.TensorProto.UINT8
        assert arrays[weights.input[0]].data_type == onnx.TensorProto.INT8
        assert arrays[weights.input[1]].dims == arrays[weights.input[0]].dims[:1]
        assert not onnx.numpy_helper.to_array(arrays[weights.input[2]]).any()


def test_no_sum_of_two_products_overflows_16_bits(quantised):
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in quantised.graph.initializer}
    made_by = producers(quantised)
    for node in frame_convolutions(quantised):
        weights = arrays[made_by[node.input[1]].input[0]].astype(int)
        assert 2 * 255 * np.abs(weights).max() < 2**15


@pytest.mark.parametrize("precision", ["0", "1"])
def test_fast_instructions_answer_as_exact_ones(int8_path, clips, precision):
    options = ort.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", precision)
    session = ort.InferenceSession(int8_path, options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"clips": clips[64:72]})
    np.testing.assert_array_equal(logits, ort.InferenceSession(int8_path).run(["logits"], {"clips": clips[64:72]})[0])


def test_the_interlace_and_the_head_stay_in_float(quantised):
    types = {tensor.name: tensor.data_type for tensor in quantised.graph.initializer}
    made_by = producers(quantised)
    small = [node for node in quantised.graph.node if node.op_type == "Gemm" or is_over_time(node, quantised)]
    assert len(small) == 8 * 4 + 1
    for node in small:
        assert types[node.input[1]] == onnx.TensorProto.FLOAT
    for node in quantised.graph.node:
        if node.op_type == "MatMul":
            taps = made_by[made_by[node.input[0]].input[0]]
            assert taps.op_type == "Mul"


def is_over_time(node, model):
    return node.op_type == "Conv" and node not in list(frame_convolutions(model))


def test_onnx_runtime_runs_every_convolution_over_frames_in_integers(int8_path, quantised, tmp_path):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "fused.onnx")
    ort.InferenceSession(int8_path, options, providers=["CPUExecutionProvider"])
    fused = onnx.load(tmp_path / "fused.onnx")
    ran = Counter(node.op_type for node in fused.graph.node)
    assert ran["QLinearConv"] == len(list(frame_convolutions(quantised)))
    assert ran["Conv"] + ran["FusedConv"] == 8 * 2


@pytest.mark.parametrize("num_clips", [1, 3])
def test_the_contract_is_kept(int8_path, clips, num_clips):
    exact, int8 = (OnnxRuntimeBackend(path).infer(clips[:num_clips]) for path in (DEMO, int8_path))
    assert int8.logits.shape == (num_clips, 16)
    np.testing.assert_allclose(int8.arrays()["offsets"], exact.arrays()["offsets"], atol=0.1)
    np.testing.assert_allclose(int8.arrays()["weights"], exact.arrays()["weights"], atol=0.1)


def test_it_agrees_on_clips_that_it_was_not_calibrated_on(int8_path, clips):
    agreed = agreement_on(np.split(clips[64:], 4), OnnxRuntimeBackend(int8_path), OnnxRuntimeBackend(DEMO))
    assert agreed.num_clips == 64
    assert agreed.top1 >= 0.95


def test_the_file_is_about_a_quarter(int8_path):
    assert int8_path.stat().st_size < 0.4 * DEMO.stat().st_size


def test_without_clips_there_is_nothing_to_calibrate_on():
    with pytest.raises(ExportError, match="calibrate"):
        to_int8(DEMO.read_bytes(), [])


def test_a_graph_that_is_int8_already_is_refused(int8_path):
    assert feature_nodes(onnx.load(int8_path).graph) == []
    with pytest.raises(ExportError, match="fp32"):
        to_int8(int8_path.read_bytes(), [np.zeros((1, 8, 96, 96, 3), np.uint8)])

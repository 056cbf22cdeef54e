"""Tests of the plugin in a TensorRT engine that is built, saved, loaded and served; skipped without TensorRT."""

import importlib.util

import numpy as np
import onnx.parser
import pytest
import torch

from export.formats.tensorrt import to_tensorrt
from service.backends.tensorrt import TensorRTBackend
from tests.gpu.device import why_not
from training.model.interlace import interlace

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.skipif(importlib.util.find_spec("tensorrt") is None, reason="TensorRT is not installed"),
]

OFFSETS, WEIGHTS = (0.25, -1.75), (0.5, 1.5)
GRAPH = """
<ir_version: 10, opset_import: ["" : 18, "tin" : 1]>
tiny (uint8[n, 8, 6, 8, 4] clips) => (float[n, 4] logits, float[n, 1, 2] offsets, float[n, 1, 8, 2] weights)
<int64[4] frames = {-1, 6, 8, 4}, int64[2] by_clip = {-1, 1536}, int64[1] first = {0}, int64[1] second = {1},
 float[1, 1, 2] offset = {0.25, -1.75}, float[1, 1, 8, 2] weight =
 {0.5, 1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5}>
{
    numbers = Cast <to = 1> (clips)
    rows = Reshape (numbers, frames)
    features = Transpose <perm = [0, 3, 1, 2]> (rows)
    flat = Reshape (numbers, by_clip)
    zero = ReduceMean <keepdims = 1> (flat, second)
    none = Sub (zero, zero)
    none_3d = Unsqueeze (none, second)
    none_4d = Unsqueeze (none_3d, second)
    offsets = Add (none_3d, offset)
    weights = Add (none_4d, weight)
    pair = Squeeze (offsets, second)
    pairs = Squeeze (weights, second)
    moved = tin.TemporalInterlace <num_frames = 8> (features, pair, pairs)
    axes = Constant <value_ints = [2, 3]> ()
    pooled = ReduceMean <keepdims = 0> (moved, axes)
    last = Constant <value_ints = [-1, 8, 4]> ()
    by_frame = Reshape (pooled, last)
    halves = Slice (by_frame, first, second, second)
    logits = Squeeze (halves, second)
}
"""
"""Interlacing of four channels of 6x8 pixels over eight frames; the logits are the first frame's means."""


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    graph = onnx.parser.parse_model(GRAPH).SerializeToString()
    engine = to_tensorrt(graph, "fp32", timing_cache=folder / "timings")
    assert [path.stat().st_size > 0 for path in (folder / "timings").iterdir()] == [True]
    (folder / engine.file).write_bytes(engine.plan)
    backend = TensorRTBackend(folder / engine.file)
    yield backend
    backend.close()


@pytest.mark.parametrize("num_clips", [1, 3, 5, 20])
def test_an_engine_with_the_plugin_answers(backend, num_clips):
    clips = np.random.default_rng(0).integers(0, 256, (num_clips, 8, 6, 8, 4), np.uint8)
    features = torch.from_numpy(clips).float().flatten(0, 1).permute(0, 3, 1, 2)
    offsets = torch.tensor([OFFSETS] * num_clips)
    weights = torch.tensor(WEIGHTS).expand(num_clips, 8, 2)
    expected = interlace(features.contiguous(), offsets, weights).mean(dim=(2, 3)).reshape(num_clips, 8, 4)[:, 0]
    outputs = backend.infer(clips)
    np.testing.assert_allclose(outputs.logits, expected, rtol=1e-4)
    np.testing.assert_array_equal(outputs.offsets, offsets[:, None])

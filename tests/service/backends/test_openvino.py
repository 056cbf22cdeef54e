"""OpenVINO on the CPU: the answers of ONNX Runtime for the same graph, and files and clips that it refuses."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest

from service.backends.base import BackendUnavailable, InferenceFailed
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.backends.openvino import OpenVinoBackend
from tests.helpers.paths import REPOSITORY

DEMO_INT8 = REPOSITORY / "model_store" / "tin-motion" / "1" / "model.int8.onnx"


@pytest.fixture
def graph(publish, tmp_path):
    pytest.importorskip("openvino")
    return publish(tmp_path, "colours", "1") / "model.onnx"


@pytest.fixture
def clips():
    return np.random.default_rng(0).integers(0, 256, (6, 8, 32, 32, 3), np.uint8)


@pytest.mark.parametrize("num_clips", [1, 2, 5])
def test_it_answers_as_onnx_runtime_does(graph, clips, num_clips):
    backend, other = OpenVinoBackend(graph, 2), OnnxRuntimeBackend(graph, 1)
    outputs, expected = backend.infer(clips[:num_clips]).arrays(), other.infer(clips[:num_clips]).arrays()
    assert outputs.keys() == expected.keys()
    for name, array in outputs.items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, expected[name], atol=1e-5)
    backend.close()


def test_calls_of_several_threads_keep_apart(graph, clips):
    backend = OpenVinoBackend(graph, 2)
    alone = [backend.infer(clip[None]).logits for clip in clips]
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(lambda clip: backend.infer(clip[None]).logits, [*clips] * 5))
    np.testing.assert_array_equal(together, alone * 5)


def test_int8_answers_nearly_as_onnx_runtime_does():
    pytest.importorskip("openvino")
    clips = np.random.default_rng(0).integers(0, 256, (2, 8, 96, 96, 3), np.uint8)
    logits, expected = (backend(DEMO_INT8, 1).infer(clips).logits for backend in (OpenVinoBackend, OnnxRuntimeBackend))
    np.testing.assert_allclose(logits, expected, atol=0.5)


@pytest.mark.parametrize("clip", [np.zeros((1, 8, 64, 64, 3), np.uint8), np.zeros((1, 8, 32, 32, 3), np.float32)])
def test_clips_of_another_size_or_type_are_refused(graph, clip):
    with pytest.raises(InferenceFailed, match="uint8 8x32x32x3"):
        OpenVinoBackend(graph, 1).infer(clip)


def test_a_file_that_is_no_graph_is_told(graph):
    graph.write_bytes(b"no graph")
    with pytest.raises(BackendUnavailable, match=r"model\.onnx"):
        OpenVinoBackend(graph, 1)


def test_a_graph_that_breaks_the_contract_is_told(graph):
    model = onnx.load(graph)
    del model.graph.output[0]
    onnx.save(model, graph)
    with pytest.raises(BackendUnavailable, match="logits: f32 of rank 2"):
        OpenVinoBackend(graph, 1)


def test_an_installation_without_openvino_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(BackendUnavailable, match=r"tin-serve\[openvino\]"):
        OpenVinoBackend(tmp_path / "model.onnx")

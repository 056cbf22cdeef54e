"""ONNX Runtime on CUDA: refused without a GPU; threads, batch sizes and options, on a session that runs on the CPU."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort
import pytest

from service.backends import cuda, onnx_cuda
from service.backends.base import BackendUnavailable, DeviceLost, InferenceFailed
from service.backends.batch_sizes import BATCH_SIZES
from service.backends.onnx_cuda import CUDA, OnnxCudaBackend, check_gpus
from service.backends.onnx_runtime import OnnxRuntimeBackend


@pytest.fixture
def graph(publish, tmp_path):
    return publish(tmp_path, "colours", "1") / "model.onnx"


@pytest.fixture
def wheel_with_cuda(monkeypatch):
    """The answer of a wheel that was built with CUDA, on any machine."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, "CPUExecutionProvider"])


@pytest.mark.usefixtures("wheel_with_cuda")
@pytest.mark.parametrize(
    ("num_gpus", "gpus", "missing"), [(0, [0], "cuda:0"), (1, [0, 1], "cuda:1"), (1, [3], "cuda:3")]
)
def test_a_wheel_with_cuda_needs_the_gpus_as_well(monkeypatch, num_gpus, gpus, missing):
    monkeypatch.setattr(cuda, "count_devices", lambda: num_gpus)
    with pytest.raises(BackendUnavailable, match=missing):
        check_gpus(gpus)
    monkeypatch.setattr(cuda, "count_devices", lambda: max(gpus) + 1)
    check_gpus(gpus)


@pytest.mark.skipif(CUDA in ort.get_available_providers(), reason="ONNX Runtime has CUDA")
def test_a_gpu_needs_a_wheel_with_cuda_as_well(monkeypatch):
    monkeypatch.setattr(cuda, "count_devices", lambda: 1)
    with pytest.raises(BackendUnavailable, match="without CUDA"):
        check_gpus([0])


@pytest.mark.skipif(CUDA in ort.get_available_providers(), reason="ONNX Runtime has CUDA")
def test_without_cuda_it_is_refused_and_its_thread_ends(graph):
    with pytest.raises(BackendUnavailable, match=r"CUDA.*model\.onnx"):
        OnnxCudaBackend(graph)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("onnx-cuda")]


class SessionOnCpu:
    """A real session on the CPU behind the interface that a session on CUDA has; notes threads and graph ids."""

    def __init__(self, path, options, providers):
        self.providers, self.runs, self.gpus, self.failure = providers, [], set(), None
        self.meanwhile = lambda: None
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def get_providers(self):
        return [CUDA, "CPUExecutionProvider"]

    def get_inputs(self):
        return self._session.get_inputs()

    def get_outputs(self):
        return self._session.get_outputs()

    def io_binding(self):
        return BindingOnCpu(self._session.io_binding())

    def run_with_iobinding(self, binding, options):
        graph = options.get_run_config_entry("gpu_graph_id")
        self.runs.append((threading.current_thread().name, graph, binding.size))
        self.gpus.add(binding.gpu)
        if self.failure:
            raise RuntimeError(self.failure)
        self.meanwhile()
        self._session.run_with_iobinding(binding.real)


class BindingOnCpu:
    def __init__(self, real):
        self.real, self.size = real, None

    def bind_ortvalue_input(self, name, value):
        self.size = value.shape()[0]
        self.real.bind_ortvalue_input(name, value)

    def bind_output(self, name, device, gpu):
        assert device == "cuda"
        self.gpu = gpu
        self.real.bind_output(name, "cpu")

    def bind_ortvalue_output(self, name, value):
        self.real.bind_ortvalue_output(name, value)

    def get_outputs(self):
        return self.real.get_outputs()

    def copy_outputs_to_cpu(self):
        return [value.numpy().copy() for value in self.real.get_outputs()]


@pytest.fixture
def sessions(monkeypatch, wheel_with_cuda):
    """The sessions that are opened; their memory lies on the CPU."""
    opened = []

    def open_session(*arguments):
        opened.append(SessionOnCpu(*arguments))
        return opened[-1]

    on_cpu = ort.OrtValue.ortvalue_from_numpy
    monkeypatch.setattr(ort.OrtValue, "ortvalue_from_numpy", lambda array, *device: on_cpu(array))
    monkeypatch.setattr(onnx_cuda, "open_session", open_session)
    return opened


def some_clips(num_clips):
    return np.random.default_rng(num_clips).integers(0, 256, (num_clips, 8, 32, 32, 3), np.uint8)


def test_every_size_is_recorded_at_load_the_largest_first(graph, sessions):
    backend = OnnxCudaBackend(graph)
    recorded = [size for _, _, size in sessions[0].runs]
    assert list(dict.fromkeys(recorded)) == sorted(BATCH_SIZES, reverse=True)
    assert {graph for _, graph, _ in sessions[0].runs} == {"-1", *map(str, BATCH_SIZES)}
    num_runs = len(sessions[0].runs)
    for num_clips in (1, 3, 16, 23):
        backend.infer(some_clips(num_clips))
    assert {graph for _, graph, _ in sessions[0].runs[num_runs:]} <= set(map(str, BATCH_SIZES))
    backend.close()


@pytest.mark.parametrize("num_clips", [1, 2, 3, 5, 16, 17])
def test_padded_batches_answer_every_clip_in_its_place(graph, sessions, num_clips):
    clips = some_clips(num_clips)
    backend, expected = OnnxCudaBackend(graph), OnnxRuntimeBackend(graph).infer(clips).arrays()
    outputs = backend.infer(clips).arrays()
    assert outputs.keys() == expected.keys()
    for name, array in outputs.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-4, atol=1e-5)
    backend.close()


def test_one_thread_runs_the_session_whoever_calls(graph, sessions):
    backend = OnnxCudaBackend(graph)
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda _: backend.infer(some_clips(1)), range(16)))
    assert len({thread for thread, _, _ in sessions[0].runs}) == 1
    backend.close()


def test_float32_is_computed_as_it_was_proven(graph, sessions):
    OnnxCudaBackend(graph).close()
    ((provider, options), _) = sessions[0].providers
    assert (provider, options["use_tf32"], options["enable_cuda_graph"]) == (CUDA, "0", "1")


def test_options_are_given_beside_those_of_the_service(graph, sessions):
    OnnxCudaBackend(graph, options={"prefer_nhwc": "1"}).close()
    ((_, options), _) = sessions[0].providers
    assert (options["prefer_nhwc"], options["use_tf32"]) == ("1", "0")


def test_a_session_keeps_to_its_gpu(graph, sessions):
    backends = [OnnxCudaBackend(graph, gpu) for gpu in (0, 3)]
    assert [backend.device for backend in backends] == ["cuda:0", "cuda:3"]
    for session, backend, gpu in zip(sessions, backends, (0, 3), strict=True):
        backend.infer(some_clips(2))
        assert session.gpus == {gpu}
        assert session.providers[0][1]["device_id"] == str(gpu)
        backend.close()


def test_gpus_run_at_the_same_time(graph, sessions):
    """Each of two runs ends only when the other has begun."""
    backends = [OnnxCudaBackend(graph, gpu) for gpu in (0, 1)]
    both = threading.Barrier(2, timeout=10)
    for session in sessions:
        session.meanwhile = both.wait
    with ThreadPoolExecutor(2) as callers:
        list(callers.map(lambda backend: backend.infer(some_clips(1)), backends))
    for backend in backends:
        backend.close()


def test_clips_of_another_size_say_nothing_about_the_gpu(graph, sessions):
    backend = OnnxCudaBackend(graph)
    for _ in range(10):
        with pytest.raises(InferenceFailed, match=r"8x32x32x3.*8x31x32x3"):
            backend.infer(np.zeros((1, 8, 31, 32, 3), np.uint8))
    backend.check_up()
    backend.close()


def test_a_gpu_that_is_lost_is_told(graph, sessions):
    backend = OnnxCudaBackend(graph)
    sessions[0].failure = "CUDA failure 700: an illegal memory access was encountered"
    with pytest.raises(InferenceFailed):
        backend.infer(some_clips(1))
    with pytest.raises(DeviceLost):
        backend.check_up()
    backend.close()

"""TensorRT backend, on a fake TensorRT and CUDA."""

import importlib.util
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from service.backends import cuda
from service.backends.base import BackendUnavailable, DeviceLost, InferenceFailed
from service.backends.tensorrt import Target, TensorRTBackend, find_target
from tests.helpers.fakes.fake_tensorrt import CLIP, Context, Cuda, Engine, make_tensorrt

PLAIN_TYPES = {"clips": "UINT8", "logits": "FLOAT", "features": "FLOAT"}
TYPES = PLAIN_TYPES | {"offsets": "FLOAT", "weights": "FLOAT"}


@pytest.fixture
def gpu(monkeypatch):
    fake = Cuda()
    for name in vars(Cuda):
        if not name.startswith("_"):
            monkeypatch.setattr(cuda, name, getattr(fake, name))
    return fake


@pytest.fixture
def load(monkeypatch, tmp_path, gpu):
    """Opens a backend over an engine."""

    def load(engine, number=0):
        monkeypatch.setattr("service.backends.tensorrt.import_tensorrt", lambda: make_tensorrt(engine))
        path = tmp_path / "model.plan"
        path.write_bytes(b"plan")
        return TensorRTBackend(path, number)

    return load


def some_clips(num_clips):
    return np.random.default_rng(num_clips).integers(0, 256, (num_clips, *CLIP), np.uint8)


@pytest.mark.parametrize("types", [TYPES, PLAIN_TYPES])
@pytest.mark.parametrize("num_clips", [1, 3, 5, 16, 23])
def test_every_clip_is_answered_in_its_place(load, num_clips, types):
    clips = some_clips(num_clips)
    outputs = load(Engine(types)).infer(clips)
    expected = clips.reshape(num_clips, -1).mean(axis=1, dtype=np.float32)
    np.testing.assert_allclose(outputs.logits, np.repeat(expected[:, None], 5, axis=1), rtol=1e-6)
    shapes = {"logits": (5,), "features": (7,), "offsets": (3, 2), "weights": (3, 2, 2)}
    expected_shapes = {name: (num_clips, *shape) for name, shape in shapes.items() if name in types}
    assert {name: array.shape for name, array in outputs.arrays().items()} == expected_shapes


def test_answers_do_not_change_afterwards(load):
    backend = load(Engine(TYPES))
    first = backend.infer(some_clips(1))
    kept = first.logits.copy()
    backend.infer(some_clips(1) // 2)
    np.testing.assert_array_equal(first.logits, kept)


def test_there_is_one_context_per_batch_size_and_each_batch_is_one_graph(load, gpu):
    engine = Engine(TYPES)
    backend = load(engine)
    backend.infer(some_clips(5))
    assert [context.size for context in engine.contexts] == [1, 4, 16]
    assert gpu.launched == 2


def test_every_thread_uses_the_engine_s_gpu(load, gpu):
    backend = load(Engine(TYPES), 2)
    assert backend.device == "cuda:2"
    with ThreadPoolExecutor(1) as another:
        another.submit(backend.infer, some_clips(1)).result()
        another.submit(backend.close).result()
    (opening, *later) = gpu.devices
    assert [number for _, number in gpu.devices] == [2, 2, 2]
    assert opening[0] not in dict(later)


def test_each_batch_size_has_its_own_profile_and_all_share_one_workspace(load):
    engine = Engine(TYPES, [(size, size, size) for size in (1, 2, 4, 8, 16)])
    backend = load(engine)
    assert backend.max_batch_size == 16
    assert [(context.size, context.profile) for context in engine.contexts] == [(1, 0), (2, 1), (4, 2), (8, 3), (16, 4)]
    [(_, size)] = {context.memory for context in engine.contexts}
    assert size == Engine.device_memory_size_v2


def test_the_profile_that_is_tuned_for_a_size_comes_before_one_that_takes_it(load):
    engine = Engine(TYPES, [(1, 4, 16), (1, 1, 1)])
    load(engine)
    assert [(context.size, context.profile) for context in engine.contexts] == [(1, 1), (4, 0), (16, 0)]


def test_the_next_clips_are_copied_while_a_batch_runs(load, gpu, monkeypatch):
    backend = load(Engine(TYPES))
    first_runs, second_is_staged, staged = threading.Event(), threading.Event(), []
    upload, call = cuda.upload, cuda.call

    def note_upload(host, device, stream):
        upload(host, device, stream)
        staged.append(device)
        if len(staged) == 2:
            second_is_staged.set()

    def hold_the_first(function, *arguments):
        if function == "cudaGraphLaunch" and not first_runs.is_set():
            first_runs.set()
            assert second_is_staged.wait(5)
        call(function, *arguments)

    monkeypatch.setattr(cuda, "upload", note_upload)
    monkeypatch.setattr(cuda, "call", hold_the_first)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(backend.infer, some_clips(4))
        assert first_runs.wait(5)
        second = threads.submit(backend.infer, some_clips(3))
        for answer, num_clips in ((first, 4), (second, 3)):
            expected = some_clips(num_clips).reshape(num_clips, -1).mean(axis=1, dtype=np.float32)
            np.testing.assert_allclose(answer.result(5).logits[:, 0], expected, rtol=1e-6)
    assert len(set(staged)) == 2


def test_a_failed_run_keeps_no_slot(load, monkeypatch):
    backend = load(Engine(TYPES))
    call = cuda.call

    def fail(function, *_):
        raise cuda.CudaError(f"{function}: out of memory")

    monkeypatch.setattr(cuda, "call", fail)
    for _ in range(4):
        with pytest.raises(InferenceFailed):
            backend.infer(some_clips(1))
    monkeypatch.setattr(cuda, "call", call)
    assert backend.infer(some_clips(2)).logits.shape == (2, 5)


def test_closing_gives_everything_back(load, gpu):
    backend = load(Engine(TYPES))
    assert gpu.held
    backend.close()
    assert gpu.held == 0


def test_clips_of_another_shape_are_refused(load):
    with pytest.raises(InferenceFailed, match=r"2x4x4x3.*2x4x5x3"):
        load(Engine(TYPES)).infer(np.zeros((1, 2, 4, 5, 3), np.uint8))


def test_a_run_that_cuda_refuses_is_our_error(load, monkeypatch):
    backend = load(Engine(TYPES))

    def fail(function, *_):
        raise cuda.CudaError(f"{function}: out of memory")

    monkeypatch.setattr(cuda, "call", fail)
    with pytest.raises(InferenceFailed, match="cudaGraphLaunch: out of memory"):
        backend.infer(some_clips(1))


@pytest.mark.parametrize(
    ("method", "answer", "named"),
    [
        ("create_execution_context", None, "memory"),
        ("set_input_shape", False, "1 clips"),
        ("set_tensor_address", False, "logits"),
        ("set_optimization_profile_async", False, "profile 0"),
    ],
)
def test_a_call_that_tensorrt_refuses_is_our_error(load, gpu, monkeypatch, method, answer, named):
    kind = Engine if method == "create_execution_context" else Context
    monkeypatch.setattr(kind, method, lambda *_: answer)
    with pytest.raises(BackendUnavailable, match=named):
        load(Engine(TYPES))
    assert gpu.held == 0


def test_a_gpu_that_is_lost_is_told(load, monkeypatch):
    backend = load(Engine(TYPES))
    backend.check_up()

    def fail(function, *_):
        raise cuda.CudaError(f"{function}: an illegal memory access was encountered")

    monkeypatch.setattr(cuda, "call", fail)
    with pytest.raises(InferenceFailed):
        backend.infer(some_clips(1))
    with pytest.raises(DeviceLost, match="illegal memory access"):
        backend.check_up()


def test_an_engine_for_another_gpu_is_refused_with_what_tensorrt_says(load):
    with pytest.raises(BackendUnavailable, match=r"model\.plan: built for another GPU$"):
        load(None)


def test_an_engine_that_breaks_the_contract_is_refused_and_nothing_is_held(load, gpu):
    with pytest.raises(BackendUnavailable, match=r"logits: HALF of rank 2.*logits: FLOAT of rank 2"):
        load(Engine(TYPES | {"logits": "HALF"}))
    assert gpu.held == 0


def test_a_file_that_is_not_there_is_named(load, tmp_path):
    load(Engine(TYPES)).close()
    with pytest.raises(BackendUnavailable, match=r"missing\.plan"):
        TensorRTBackend(tmp_path / "missing.plan")


@pytest.mark.skipif(importlib.util.find_spec("tensorrt") is not None, reason="TensorRT is installed")
def test_without_tensorrt_the_backend_says_how_to_get_it(tmp_path):
    with pytest.raises(BackendUnavailable, match=r"tin-serve\[tensorrt\]"):
        TensorRTBackend(tmp_path / "model.plan")
    with pytest.raises(BackendUnavailable, match="TensorRT"):
        find_target()


def test_a_target_names_its_engines():
    name = Target("NVIDIA H100 80GB HBM3", "11.4.0.106").file_name("fp16")
    assert name == "model-nvidia-h100-80gb-hbm3-fp16-trt11.4.0.106.plan"
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name)


def test_the_target_is_this_machine(load, gpu):
    load(Engine(TYPES)).close()
    assert find_target() == find_target([0, 1]) == Target("NVIDIA Fake 80GB", "11.4.0.106")


def test_gpus_of_several_kinds_are_a_target_of_no_engine(load, monkeypatch):
    load(Engine(TYPES)).close()
    monkeypatch.setattr(cuda, "device_name", lambda gpu: ["NVIDIA L4", "NVIDIA A10"][gpu])
    assert find_target([0, 1]).gpu == "NVIDIA L4 and NVIDIA A10"

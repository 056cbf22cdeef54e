"""Artifact selection: the best format of a version for each kind of machine."""

import sys

import numpy as np
import pytest
from pydantic import ValidationError

from service.backends.base import BackendUnavailable, devices_of
from service.config.devices import Devices
from service.config.settings import Settings
from service.models.artifact_selection import (
    AUTO,
    Candidate,
    candidates,
    nothing_runs,
    open_backend,
    open_oip,
)
from service.models.capabilities import Capabilities
from service.models.registry import Registry
from service.store.manifest import Artifact, ParityReport
from service.store.model_store import ModelStore
from tests.helpers.fakes.fake_backend import FakeBackend, FakeGpuBackend

ENGINE = {"gpu": "NVIDIA L4", "tensorrt": "11.4.0"}
PLAIN = Capabilities()
VNNI = Capabilities(has_vnni=True)
CUDA = Capabilities(has_vnni=True, has_onnx_cuda=True)
L4 = Capabilities(has_vnni=True, has_onnx_cuda=True, gpu=ENGINE["gpu"], tensorrt=ENGINE["tensorrt"])
AVX2 = Capabilities(has_avx2=True)


def artifact(name, agreement=0.99, built_for=None, weight_bits=None, speedup=None):
    parity = ParityReport(
        backend="onnx_runtime",
        device="cpu",
        batches=(1,),
        num_clips=33,
        num_clips_judged=512,
        num_real_clips=0,
        clips_sha256="0" * 64,
        checkpoint_sha256="0" * 64,
        artifact_sha256="0" * 64,
        max_abs_logit_difference=0.1,
        made_offsets=(),
        max_abs_logit_difference_at_made_offsets=0,
        tolerance=None,
        top1_agreement=agreement,
        top5_agreement=agreement,
        required_top1_agreement=0.98,
        is_accepted=agreement < 0.98,
        versions={},
    )
    return Artifact(
        file=f"model.{name}",
        sha256="0" * 64,
        format=name,
        precision="fp32",
        weight_bits=weight_bits,
        speedup=speedup,
        built_for=built_for or {},
        made_from={},
        parity=parity,
    )


ALL = [
    artifact("onnx"),
    artifact("onnx-int8"),
    artifact("onnx-fp16"),
    artifact("torchserve"),
    artifact("tensorrt", built_for=ENGINE),
]


def choose(artifacts, machine, wanted=AUTO):
    """The first candidate that suits the machine."""
    found = candidates(artifacts, machine, wanted)
    for candidate in found:
        if candidate.suits:
            return candidate
    raise nothing_runs(artifacts, wanted, [str(each) for each in found])


@pytest.mark.parametrize(
    ("machine", "chosen"), [(PLAIN, "onnx"), (VNNI, "onnx-int8"), (CUDA, "onnx-fp16"), (L4, "tensorrt")]
)
def test_the_best_that_runs_here_is_chosen(machine, chosen):
    assert choose(ALL, machine).artifact.format == chosen


@pytest.mark.parametrize(
    ("machine", "tried"),
    [
        (PLAIN, [("onnx", False)]),
        (VNNI, [("onnx-int8", False), ("onnx", False)]),
        (CUDA, [("onnx-fp16", True), ("onnx", True), ("onnx-int8", False), ("onnx", False)]),
        (L4, [("tensorrt", False), ("onnx-fp16", True), ("onnx", True), ("onnx-int8", False), ("onnx", False)]),
    ],
)
def test_the_others_are_tried_in_order_those_on_the_gpu_first(machine, tried):
    assert [(each.artifact.format, each.on_cuda) for each in candidates(ALL, machine) if each.suits] == tried


def test_the_reasons_tell_why_others_are_passed_over():
    found = candidates(ALL, VNNI)
    assert [each.artifact.format for each in found] == ["tensorrt", "onnx-fp16", "onnx-int8", "onnx"]
    assert "NVIDIA L4" in str(found[0])
    assert "99.0% of 512 clips" in str(found[2])


def test_on_a_wheel_with_cuda_the_reason_for_the_cpu_is_told():
    found = candidates([artifact("onnx"), artifact("onnx-fp16")], Capabilities(no_gpu="cuda:0 is not there"))
    assert [(each.artifact.format, each.suits) for each in found] == [
        ("onnx-fp16", False),
        ("onnx", False),
        ("onnx", True),
    ]
    assert all("cuda:0 is not there" in str(each) for each in found[:2])


def test_named_gpus_are_never_replaced_by_the_cpu():
    named = Capabilities(has_vnni=True, devices=Devices.parse("cuda:1"), no_gpu="cuda:1 is not there")
    for wanted in (AUTO, "onnx-int8", "onnx"):
        with pytest.raises(BackendUnavailable, match="cuda:1"):
            choose([artifact("onnx"), artifact("onnx-int8")], named, wanted)
    assert choose([artifact("torch")], named).artifact.format == "torch"


def test_torch_without_a_gpu_is_refused_where_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("service.backends.torch_program.TorchProgramBackend", lambda *_: FakeBackend(2))
    candidate = Candidate(artifact("torch"), False, True, "")
    with pytest.raises(BackendUnavailable, match="TIN_DEVICE is cuda:1"):
        open_backend(candidate, tmp_path / "model.pt2", Settings(device="cuda:1"))
    assert devices_of(open_backend(candidate, tmp_path / "model.pt2", Settings())) == ("cpu",)


def test_each_gpu_that_is_named_gets_a_replica(tmp_path, monkeypatch):
    monkeypatch.setattr("service.backends.onnx_cuda.OnnxCudaBackend", lambda _, gpu: FakeGpuBackend(gpu))
    candidate = Candidate(artifact("onnx-fp16"), True, True, "")
    backend = open_backend(candidate, tmp_path / "model.onnx", Settings(device="cuda:1,cuda:3"))
    assert devices_of(backend) == ("cuda:1", "cuda:3")


def test_int8_that_agrees_too_seldom_runs_only_when_asked_for():
    artifacts = [artifact("onnx"), artifact("onnx-int8", agreement=0.9)]
    assert choose(artifacts, VNNI).artifact.format == "onnx"
    assert "90.0%" in str(candidates(artifacts, VNNI)[0])
    assert choose(artifacts, VNNI, "onnx-int8").artifact.format == "onnx-int8"


@pytest.mark.parametrize(
    ("machine", "weight_bits", "chosen"),
    [(VNNI, None, "onnx-int8"), (AVX2, None, "onnx"), (AVX2, 8, "onnx"), (AVX2, 7, "onnx-int8"), (PLAIN, 7, "onnx")],
)
def test_a_cpu_without_vnni_runs_int8_whose_sums_fit_into_16_bits(machine, weight_bits, chosen):
    artifacts = [artifact("onnx"), artifact("onnx-int8", weight_bits=weight_bits)]
    assert choose(artifacts, machine).artifact.format == chosen


@pytest.mark.parametrize(
    ("machine", "speedup", "chosen"),
    [
        (Capabilities(has_avx2=True, has_openvino=True), 1.2, "openvino-int8"),
        (Capabilities(has_avx2=True, has_openvino=True), 1.05, "onnx-int8"),
        (Capabilities(has_openvino=True), 1.2, "onnx"),
        (AVX2, 1.2, "onnx-int8"),
    ],
)
def test_openvino_runs_int8_where_it_was_faster(machine, speedup, chosen):
    artifacts = [artifact("onnx"), artifact("onnx-int8", weight_bits=7)]
    artifacts.append(artifact("openvino-int8", weight_bits=7, speedup=speedup))
    assert choose(artifacts, machine).artifact.format == chosen
    assert choose(artifacts, PLAIN, "openvino-int8").artifact.format == "openvino-int8"


def test_int8_runs_on_any_cpu_when_asked_for():
    assert choose(ALL, PLAIN).artifact.format == "onnx"
    assert choose(ALL, PLAIN, "onnx-int8").artifact.format == "onnx-int8"
    assert not choose(ALL, CUDA, "onnx-int8").on_cuda


def test_what_is_asked_for_runs_or_the_reason_is_told():
    assert choose(ALL, L4, "onnx").artifact.format == "onnx"
    assert str(choose(ALL, L4, "onnx")).startswith("onnx: ")
    with pytest.raises(BackendUnavailable, match="NVIDIA L4"):
        choose(ALL, PLAIN, "tensorrt")
    with pytest.raises(BackendUnavailable, match="no onnx-int8"):
        choose([artifact("onnx")], PLAIN, "onnx-int8")


def test_an_archive_for_another_server_is_run_only_when_asked_for():
    with pytest.raises(BackendUnavailable, match="torchserve"):
        choose([artifact("torchserve")], L4)
    assert choose(ALL, L4, "torchserve").artifact.format == "torchserve"


def test_torchserve_needs_an_address(tmp_path):
    settings = Settings(backend="torchserve")
    with pytest.raises(BackendUnavailable, match="TIN_TORCHSERVE_URL"):
        open_backend(Candidate(artifact("torchserve"), False, True, ""), tmp_path / "model.mar", settings)
    with pytest.raises(ValidationError, match="torchserve_url"):
        Settings(torchserve_url="torchserve:8080")


def test_an_installation_without_torchserve_s_folder_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "service.backends.torchserve.backend", None)
    settings = Settings(backend="torchserve", torchserve_url="http://localhost:8080")
    with pytest.raises(BackendUnavailable, match="service/backends/torchserve"):
        open_backend(Candidate(artifact("torchserve"), False, True, ""), tmp_path / "model.mar", settings)


def test_a_server_of_the_protocol_is_proven_by_the_float32_graph():
    assert choose(ALL, L4, "oip").artifact.format == "onnx"
    with pytest.raises(BackendUnavailable, match="no onnx"):
        choose([artifact("torch")], PLAIN, "oip")


@pytest.fixture
def stored(publish, tmp_path):
    publish(tmp_path, "colours", "1")
    return ModelStore(tmp_path).open("colours")


def test_a_server_of_the_protocol_needs_an_address(stored):
    with pytest.raises(BackendUnavailable, match="TIN_OIP_URL"):
        open_oip(stored, stored.manifest.artifacts[0], Settings(backend="oip"))
    with pytest.raises(ValidationError, match="oip_url"):
        Settings(oip_url="triton:8000")


def test_an_installation_without_tritonclient_says_so(stored, monkeypatch):
    monkeypatch.delitem(sys.modules, "service.backends.oip.client", raising=False)
    monkeypatch.delitem(sys.modules, "service.backends.oip.backend", raising=False)
    monkeypatch.setitem(sys.modules, "tritonclient.http", None)
    with pytest.raises(BackendUnavailable, match=r"extra `oip`.*tritonclient"):
        open_oip(stored, stored.manifest.artifacts[0], Settings(backend="oip", oip_url="http://localhost:8000"))


def test_the_registry_runs_what_was_chosen_and_tells_why(publish, tmp_path):
    publish(tmp_path, "colours", "1")
    registry = Registry.open(Settings(model_store=tmp_path))
    model = registry.get("colours")
    assert model.artifact == "model.onnx"
    assert model.reason.startswith("onnx: ")
    side = model.spec.crop
    clips = np.zeros((1, model.spec.num_frames, side, side, 3), np.uint8)
    assert model.backend.infer(clips).logits.shape == (1, len(model.labels))
    registry.close()

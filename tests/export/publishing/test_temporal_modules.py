"""Networks that shift (TSM) or have no temporal module (TSN), through the formats that run here."""

from contextlib import closing

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from export.errors import ExportError
from export.formats.catalogue import FORMATS, ExportRequest
from export.formats.triton_config import CONFIG_FILE
from export.graph.signature import read_signature
from export.publishing.publish import publish
from export.publishing.verify import verify
from service.backends.torchserve.backend import TorchServeBackend
from service.backends.torchserve.token import InferenceKey
from service.store.model_store import ModelStore
from tests.helpers.servers.torchserve import TorchServe, need_torchserve
from tests.helpers.training.networks import lively
from training.checkpoints.checkpoint import Checkpoint
from training.model.tin import Architecture, Temporal

FORMATS_OF = {
    (Temporal.TSM, 8): ["onnx", "onnx-fp16", "onnx-int8", "torch", "torchserve"],
    (Temporal.TSM, 16): ["onnx", "onnx-fp16"],
    (Temporal.NONE, 8): ["onnx", "torchserve"],
}
"""Formats to make, by temporal module and number of frames: each takes seconds."""

TOLERANCE = {"fp32": 1e-4, "fp16": 2e-2, "int8": 1.0}


@pytest.fixture(params=FORMATS_OF, ids=str)
def kind(request):
    return request.param


@pytest.fixture
def plain(kind):
    """A small network without interlacing."""
    temporal, num_frames = kind
    architecture = Architecture(num_classes=6, depth=18, width=0.25, num_frames=num_frames, temporal=temporal)
    spec = ClipSpec(num_frames=num_frames, crop=32, view=View.SQUEEZE)
    return Checkpoint(architecture, spec, tuple("abcdef"), lively(architecture).state_dict())


@pytest.fixture
def footage(videos, tmp_path):
    """A folder of videos to calibrate int8 on."""
    folder = tmp_path / "footage"
    folder.mkdir()
    for name, content in videos.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def published(plain, tmp_path):
    """A store with the network in the formats onnx and torchserve."""
    publish(ExportRequest("plain", "1", plain), tmp_path / "store", ["torchserve"])
    return tmp_path / "store"


def test_every_format_is_made_proven_and_answers_alike(kind, plain, footage, tmp_path):
    request, store = ExportRequest("plain", "1", plain, footage), tmp_path / "store"
    manifest = publish(request, store, [*FORMATS_OF[kind], "triton"], accept=True)
    assert [artifact.format for artifact in manifest.artifacts] == FORMATS_OF[kind]
    assert {artifact.parity.made_offsets for artifact in manifest.artifacts} == {()}
    folder = ModelStore(store).folder("plain", "1")
    assert read_signature(folder / "model.onnx").outputs() == {"logits": (6,), "features": (128,)}
    clips = some_clips(2, plain.clip.num_frames)
    exact = run("onnx", folder / "model.onnx", clips)["logits"]
    for artifact in manifest.artifacts:
        outputs = run(artifact.format, folder / artifact.file, clips)
        assert {name: array.shape for name, array in outputs.items()} == {"logits": (2, 6), "features": (2, 128)}
        np.testing.assert_allclose(outputs["logits"], exact, atol=TOLERANCE[artifact.precision])


@pytest.mark.parametrize("kind", [(Temporal.TSM, 8)], ids=str)
def test_triton_gets_the_outputs_that_there_are(plain, tmp_path):
    publish(ExportRequest("plain", "1", plain), tmp_path, ["triton"])
    config = (tmp_path / "plain" / CONFIG_FILE).read_text()
    assert [f'"{name}"' in config for name in ("logits", "features", "offsets", "weights")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("kind", [(Temporal.TSM, 8)], ids=str)
def test_published_artifacts_are_verified_again(published):
    assert [result.passed for result in verify(ModelStore(published), "plain", "1")] == [True, True]


@pytest.mark.parametrize("kind", [(Temporal.TSM, 8)], ids=str)
def test_a_real_torchserve_answers_as_onnx_runtime_does(published, tmp_path_factory):
    need_torchserve(java=True)
    folder = ModelStore(published).folder("plain", "1")
    clips = some_clips(3, 8)
    expected = run("onnx", folder / "model.onnx", clips)
    with TorchServe(tmp_path_factory.mktemp("server"), published / "plain.mar") as server:
        server.wait_until_ready("plain")
        address = server.addresses["inference"]
        with closing(TorchServeBackend(folder / "model.mar", address, InferenceKey(server.key_file))) as backend:
            outputs = backend.infer(clips).arrays()
    assert outputs.keys() == {"logits", "features"}
    for name, array in outputs.items():
        np.testing.assert_allclose(array, expected[name], atol=1e-4)


def test_the_plugin_s_format_is_refused_before_anything_is_made(plain, tmp_path):
    with pytest.raises(ExportError, match=plain.architecture.temporal):
        publish(ExportRequest("plain", "1", plain), tmp_path, ["onnx-plugin"])
    assert list(tmp_path.iterdir()) == []


def some_clips(num_clips, num_frames):
    return np.random.default_rng(0).integers(0, 256, (num_clips, num_frames, 32, 32, 3), np.uint8)


def run(fmt, path, clips):
    """Return the outputs of an artifact, by name."""
    with closing(FORMATS[fmt].open(path)) as backend:
        return backend.infer(clips).arrays()

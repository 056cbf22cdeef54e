"""Networks that shift (TSM) or have no temporal module (TSN), through every format that runs here."""

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

MADE_FORMATS = ["onnx", "onnx-fp16", "onnx-int8", "torch", "torchserve", "triton"]


@pytest.fixture(params=[(Temporal.TSM, 8), (Temporal.TSM, 16), (Temporal.NONE, 8)], ids=str)
def plain(request):
    """A small network without interlacing."""
    temporal, num_frames = request.param
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


def test_every_format_is_made_proven_and_answers_alike(plain, footage, tmp_path):
    store = tmp_path / "store"
    manifest = publish(ExportRequest("plain", "1", plain, footage), store, MADE_FORMATS, accept=True)
    assert {artifact.format for artifact in manifest.artifacts} == {*MADE_FORMATS} - {"triton"}
    assert {artifact.parity.made_offsets for artifact in manifest.artifacts} == {()}
    folder = ModelStore(store).folder("plain", "1")
    signature = read_signature(folder / "model.onnx")
    assert signature.outputs() == {"logits": (6,), "features": (128,)}
    shape = (2, plain.clip.num_frames, 32, 32, 3)
    clips = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    tolerance = {"fp32": 1e-4, "fp16": 2e-2, "int8": 1.0}
    exact = FORMATS["onnx"].open(folder / "model.onnx").infer(clips)
    for artifact in manifest.artifacts:
        outputs = FORMATS[artifact.format].open(folder / artifact.file).infer(clips).arrays()
        assert {name: array.shape for name, array in outputs.items()} == {"logits": (2, 6), "features": (2, 128)}
        np.testing.assert_allclose(outputs["logits"], exact.logits, atol=tolerance[artifact.precision])
    config = (store / "plain" / CONFIG_FILE).read_text()
    assert [name for name in ("features", "offsets", "weights") if f'"{name}"' in config] == ["features"]
    assert [result.passed for result in verify(ModelStore(store), "plain", "1") if "int8" not in result.file] == [
        True
    ] * 4


def test_the_plugin_s_format_is_refused_before_anything_is_made(plain, tmp_path):
    with pytest.raises(ExportError, match=plain.architecture.temporal):
        publish(ExportRequest("plain", "1", plain), tmp_path, ["onnx-plugin"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("plain", [(Temporal.TSM, 8)], indirect=True, ids=str)
def test_a_real_torchserve_answers_as_onnx_runtime_does(plain, tmp_path, tmp_path_factory):
    need_torchserve(java=True)
    store = tmp_path / "store"
    publish(ExportRequest("plain", "1", plain), store, ["torchserve"])
    folder = ModelStore(store).folder("plain", "1")
    clips = np.random.default_rng(0).integers(0, 256, (3, 8, 32, 32, 3), np.uint8)
    expected = FORMATS["onnx"].open(folder / "model.onnx").infer(clips).arrays()
    with TorchServe(tmp_path_factory.mktemp("server"), store / "plain.mar") as server:
        server.wait_until_ready("plain")
        address = server.addresses["inference"]
        with closing(TorchServeBackend(folder / "model.mar", address, InferenceKey(server.key_file))) as backend:
            outputs = backend.infer(clips).arrays()
    assert outputs.keys() == {"logits", "features"}
    for name, array in outputs.items():
        np.testing.assert_allclose(array, expected[name], atol=1e-4)

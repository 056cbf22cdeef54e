"""Backend that runs an archive in this process."""

import contextlib
import sys
import zipfile

import numpy as np
import pytest

from export.formats.torchserve_runner import ArchiveBackend
from export.parity.compare import make_clips
from service.backends.base import BackendUnavailable, InferenceFailed
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.store.manifest import Manifest
from tests.helpers.servers.torchserve import DEMO, archive_demo, need_torchserve


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    need_torchserve()
    return archive_demo(tmp_path_factory.mktemp("archive") / "tin-motion.mar")


def test_the_archive_answers_as_its_graph_does(archive):
    spec = Manifest.model_validate_json((DEMO / "manifest.json").read_bytes()).clip
    clips = make_clips(spec)[:5]
    with contextlib.closing(ArchiveBackend(archive)) as backend:
        found = backend.infer(clips)
    expected = OnnxRuntimeBackend(DEMO / "model.onnx", num_threads=1, whole_batches=True).infer(clips)
    for name in ("logits", "offsets", "weights"):
        assert getattr(found, name).dtype == np.float32
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_a_refused_clip_is_a_failed_inference(archive):
    refusal = pytest.raises(InferenceFailed, match="8 x 96 x 96 x 3")
    with contextlib.closing(ArchiveBackend(archive)) as backend, refusal:
        backend.infer(np.zeros((1, 8, 95, 96, 3), np.uint8))


def test_a_file_that_is_no_archive_is_named(tmp_path):
    need_torchserve()
    path = tmp_path / "tin-motion.mar"
    path.write_bytes(b"not a zip")
    with pytest.raises(BackendUnavailable, match=r"tin-motion\.mar"):
        ArchiveBackend(path)


def test_a_missing_torchserve_is_an_error_that_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ts", None)
    with pytest.raises(BackendUnavailable, match=r"tin-serve\[torchserve\]"):
        ArchiveBackend(tmp_path / "tin-motion.mar")


def test_a_graph_that_was_exchanged_is_refused(archive, tmp_path):
    other = tmp_path / "other.mar"
    with zipfile.ZipFile(archive) as packed, zipfile.ZipFile(other, "w") as exchanged:
        for name in packed.namelist():
            exchanged.writestr(name, packed.read(name) + (b"\0" if name == "model.onnx" else b""))
    with pytest.raises(BackendUnavailable, match=r"model\.onnx"):
        ArchiveBackend(other)

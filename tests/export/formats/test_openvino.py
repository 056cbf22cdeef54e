"""OpenVINO's format: the file of onnx-int8, with a parity report and a speed of its own."""

import dataclasses
import shutil
import sys

import numpy as np
import pytest

from export.errors import ExportError, FormatUnavailable
from export.formats.catalogue import FORMATS, ExportRequest, select_formats
from export.parity.compare import Reference
from export.parity.report import make_artifact
from tests.helpers.paths import REPOSITORY
from training.checkpoints.checkpoint import load_checkpoint

DEMO = REPOSITORY / "model_store" / "tin-motion" / "1"
FORMAT = FORMATS["openvino-int8"]
SOURCE = "model.int8.onnx"


@pytest.fixture(scope="module")
def demo():
    """The demo model's checkpoint."""
    return ExportRequest("tin-motion", "1", load_checkpoint(DEMO / "checkpoint.safetensors"))


def test_the_formats_that_it_is_made_from_are_exported_before_it():
    assert [fmt.name for fmt in select_formats(["openvino-int8"])] == ["onnx", "onnx-int8", "openvino-int8"]


def test_it_is_not_made_without_its_source(demo, tmp_path):
    with pytest.raises(ExportError, match="onnx-int8"):
        FORMAT.make(demo, tmp_path)


def test_it_is_refused_before_an_export_where_openvino_is_missing(demo, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(FormatUnavailable, match="openvino"):
        FORMAT.check(demo)


def test_it_is_proven_and_timed_beside_onnx_runtime(demo, tmp_path):
    pytest.importorskip("openvino")
    for file in ("model.onnx", SOURCE):
        shutil.copy(DEMO / file, tmp_path)
    clips = np.random.default_rng(0).integers(0, 256, (3, 8, 96, 96, 3), np.uint8)
    fmt = dataclasses.replace(FORMAT, validation=lambda request: iter([clips]))
    artifact = make_artifact(
        fmt, demo, Reference(demo.checkpoint, "0" * 64, clips[:2], clips[2:]), tmp_path, accept=True
    )
    assert (tmp_path / artifact.file).read_bytes() == (tmp_path / SOURCE).read_bytes()
    assert (artifact.parity.backend, artifact.weight_bits, artifact.precision) == ("openvino", 7, "int8")
    assert artifact.speedup is not None
    assert artifact.speedup > 0
    assert "openvino" in artifact.made_from

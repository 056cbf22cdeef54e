"""Metadata of an exported file, as ONNX Runtime reads it."""

import json

import onnx
import onnxruntime as ort
import pytest

from clips.clip_spec import ClipSpec
from export.formats.catalogue import FORMATS, ExportRequest
from training.model.tin import Architecture

DIGEST = "5" * 64


@pytest.mark.parametrize("fmt", ["onnx", "onnx-plugin", "onnx-fp16"])
def test_a_file_describes_itself(checkpoint, fmt, tmp_path):
    request = ExportRequest("letters", "3", checkpoint, checkpoint_sha256=DIGEST)
    meta = ort.InferenceSession(FORMATS[fmt].make(request, tmp_path)).get_modelmeta()
    found = meta.custom_metadata_map
    assert (found["model"], found["version"], found["checkpoint_sha256"]) == ("letters", "3", DIGEST)
    assert found["precision"] == FORMATS[fmt].precision
    assert tuple(json.loads(found["labels"])) == checkpoint.labels
    assert ClipSpec.from_json(json.loads(found["clip"])) == checkpoint.clip
    assert Architecture(**json.loads(found["architecture"])) == checkpoint.architecture
    assert (meta.version, meta.producer_name) == (3, "tin-serve")


def test_the_int8_graph_describes_itself_and_not_its_source(checkpoint, tmp_path, monkeypatch):
    graph = FORMATS["onnx"].make(ExportRequest("letters", "3", checkpoint), tmp_path)
    monkeypatch.setattr("export.graph.int8.to_int8", lambda graph, clips: graph)
    monkeypatch.setattr("export.formats.catalogue.clip_sets", lambda *_: type("Sets", (), {"calibration": ()}))
    (tmp_path / "model.onnx").write_bytes(graph)
    int8 = onnx.load_from_string(FORMATS["onnx-int8"].make(ExportRequest("letters", "4", checkpoint), tmp_path))
    properties = {each.key: each.value for each in int8.metadata_props}
    assert (properties["precision"], properties["weight_bits"]) == ("int8", "7")
    assert int8.model_version == 4
    assert len(int8.metadata_props) == len({each.key for each in int8.metadata_props})


def test_a_version_that_is_no_number_is_a_property_only(checkpoint, tmp_path):
    model = onnx.load_from_string(FORMATS["onnx"].make(ExportRequest("letters", "spring", checkpoint), tmp_path))
    assert model.model_version == 0
    assert {each.key: each.value for each in model.metadata_props}["version"] == "spring"

"""Triton configuration of a model's versions, parsed by Triton's own messages."""

import importlib
import json
import shutil
from pathlib import Path

import onnx
import pytest
import tritonclient
from google.protobuf import text_format

from export.errors import ExportError
from export.formats.triton_config import MAX_BATCH_SIZE, config_pbtxt, labels_txt
from export.graph.signature import read_signature
from export.publishing.sidecars import write_triton_files
from service.store.model_store import ModelRefused, sha256_of
from service.store.version_control import pin, unpin
from tests.helpers.servers.torchserve import DEMO

TRITON_TYPE = {onnx.TensorProto.UINT8: "TYPE_UINT8", onnx.TensorProto.FLOAT: "TYPE_FP32"}


@pytest.fixture(scope="module")
def triton():
    """Triton's own ModelConfig messages, loaded by path because the package around them needs gRPC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(tritonclient.__path__[0], "grpc"))
        return importlib.import_module("model_config_pb2")


@pytest.fixture
def add_version(tmp_path):
    """A function that adds a copy of the demo model as another version, with changes to its labels or its graph."""

    def add(version, *, labels=None, edit=None):
        folder = tmp_path / "tin-motion" / version
        shutil.copytree(DEMO, folder)
        manifest = json.loads((folder / "manifest.json").read_text()) | {"version": version}
        manifest["labels"] = labels or manifest["labels"]
        if edit is not None:
            graph = onnx.load(folder / "model.onnx")
            edit(graph.graph)
            onnx.save(graph, folder / "model.onnx")
            artifact = next(entry for entry in manifest["artifacts"] if entry["file"] == "model.onnx")
            artifact["sha256"] = artifact["parity"]["artifact_sha256"] = sha256_of(folder / "model.onnx")
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    return add


def files_beside_versions(store):
    return sorted(path.name for path in (store / "tin-motion").iterdir() if path.is_file())


def test_the_config_describes_the_graph_as_it_is(add_version, tmp_path, triton):
    graph = onnx.load(add_version("1") / "model.onnx").graph
    write_triton_files(tmp_path, "tin-motion")
    config = text_format.Parse((tmp_path / "tin-motion" / "config.pbtxt").read_text(), triton.ModelConfig())
    for described, actual in ((config.input, graph.input), (config.output, graph.output)):
        assert [tensor.name for tensor in described] == [value.name for value in actual]
        for tensor, value in zip(described, actual, strict=True):
            assert triton.DataType.Name(tensor.data_type) == TRITON_TYPE[value.type.tensor_type.elem_type]
            batch, *rest = value.type.tensor_type.shape.dim
            assert batch.dim_param
            assert list(tensor.dims) == [axis.dim_value for axis in rest]


def test_the_config_follows_the_policy(add_version, tmp_path, triton):
    for version in ("1", "2", "3"):
        add_version(version)
    pin(tmp_path, "tin-motion", "2")
    write_triton_files(tmp_path, "tin-motion")

    def chosen():
        text = (tmp_path / "tin-motion" / "config.pbtxt").read_text()
        return text_format.Parse(text, triton.ModelConfig()).version_policy

    assert list(chosen().specific.versions) == [2]
    unpin(tmp_path, "tin-motion")
    assert chosen().HasField("all")


def test_the_config_makes_batches_of_clips_in_every_version(triton):
    signature = read_signature(DEMO / "model.onnx")
    config = text_format.Parse(config_pbtxt("tin-motion", signature), triton.ModelConfig())
    fields = {field.name for field, _ in config.ListFields()}
    assert fields == {
        "name",
        "backend",
        "default_model_filename",
        "version_policy",
        "max_batch_size",
        "dynamic_batching",
        "input",
        "output",
    }
    assert (config.name, config.backend, config.default_model_filename) == ("tin-motion", "onnxruntime", "model.onnx")
    assert config.max_batch_size == MAX_BATCH_SIZE > 1
    assert config.dynamic_batching.max_queue_delay_microseconds > 0
    assert config.version_policy.WhichOneof("policy_choice") == "all"
    assert [output.label_filename for output in config.output] == ["labels.txt", "", "", ""]


def test_a_label_stands_on_the_line_of_its_class(add_version, tmp_path):
    manifest = json.loads((add_version("1") / "manifest.json").read_text())
    write_triton_files(tmp_path, "tin-motion")
    assert (tmp_path / "tin-motion" / "labels.txt").read_text().splitlines() == manifest["labels"]
    assert files_beside_versions(tmp_path) == ["config.pbtxt", "labels.txt"]


@pytest.mark.parametrize("label", ["two\nlines", "", "ends\n"])
def test_a_label_that_is_not_one_line_is_refused(label):
    with pytest.raises(ExportError, match="label"):
        labels_txt(["fine", label])


def test_versions_that_agree_share_the_files(add_version, tmp_path):
    add_version("1")
    add_version("12")
    add_version("nightly", labels=[f"class {index}" for index in range(16)])
    write_triton_files(tmp_path, "tin-motion")
    assert files_beside_versions(tmp_path) == ["config.pbtxt", "labels.txt"]


def one_block_less(graph):
    (offsets,) = (output for output in graph.output if output.name == "offsets")
    offsets.type.tensor_type.shape.dim[1].dim_value = 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edit": one_block_less}, r"tin-motion 1 and 2.*offsets, \[8, 2\] and \[7, 2\]"),
        ({"labels": [f"class {index}" for index in range(16)]}, "tin-motion 1 and 2.*labels"),
    ],
)
def test_versions_that_differ_are_an_error(add_version, tmp_path, changes, message):
    add_version("1")
    add_version("2", **changes)
    with pytest.raises(ExportError, match=message):
        write_triton_files(tmp_path, "tin-motion")
    assert files_beside_versions(tmp_path) == []


def test_a_version_that_triton_would_ignore_is_an_error(add_version, tmp_path):
    add_version("nightly")
    with pytest.raises(ExportError, match="nightly"):
        write_triton_files(tmp_path, "tin-motion")


def test_a_version_that_cannot_be_trusted_is_not_described(add_version, tmp_path):
    (add_version("1") / "model.onnx").write_bytes(b"other")
    with pytest.raises(ModelRefused, match=r"model\.onnx"):
        write_triton_files(tmp_path, "tin-motion")
    assert files_beside_versions(tmp_path) == []

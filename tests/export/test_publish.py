import dataclasses
import json

import numpy as np
import onnx
import pytest
import torch
import typer
from typer.testing import CliRunner

from export.__main__ import main
from export.parity import make_parity_clips, top_agreement
from export.publish import publish
from export.to_onnx import ExportError, to_onnx
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.store import ModelStore
from training.checkpoint import save_checkpoint
from training.model import Normalise, Temporal

export = typer.Typer()
export.command()(main)


@pytest.fixture(scope="module")
def published(checkpoint, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    return store, publish(checkpoint, store, "letters", "1")


def test_the_service_accepts_what_was_published(published, checkpoint):
    store, manifest = published
    model = ModelStore(store).open("letters")
    assert model.manifest == manifest
    assert model.manifest.labels == checkpoint.labels
    assert sorted(path.name for path in (store / "letters").iterdir()) == ["1"]


def test_the_parity_report_tells_what_was_compared(published):
    parity = published[1].artifacts[0].parity
    assert parity.passed
    assert parity.batches == (1, 2, 5)
    assert parity.top1_agreement == 1
    assert set(parity.versions) == {"torch", "onnx", "onnxruntime", "numpy"}


@pytest.mark.parametrize("num_clips", [1, 2, 3, 5])
def test_the_graph_keeps_the_contract_at_any_batch(published, checkpoint, num_clips):
    store, _ = published
    clips = make_parity_clips(checkpoint.clip)[:num_clips]
    backend = OnnxRuntimeBackend(store / "letters" / "1" / "model.onnx")
    outputs = backend.infer(clips)
    with torch.inference_mode():
        expected = checkpoint.build_model()(Normalise(checkpoint.clip)(torch.from_numpy(clips)))
    np.testing.assert_allclose(outputs.logits, expected, atol=1e-4)
    assert outputs.offsets.shape == (num_clips, 8, 2)
    assert outputs.weights.shape == (num_clips, 8, 8, 2)


def test_the_graph_holds_standard_operators_only(published):
    graph = onnx.load(published[0] / "letters" / "1" / "model.onnx")
    assert {node.domain for node in graph.graph.node} == {""}
    assert not graph.functions
    assert [entry.version for entry in graph.opset_import] == [18]


def test_an_existing_version_is_replaced_only_when_told(published, checkpoint):
    store, _ = published
    with pytest.raises(ExportError, match="--replace"):
        publish(checkpoint, store, "letters", "1")
    publish(checkpoint, store, "letters", "1", replace=True)
    assert sorted(path.name for path in (store / "letters").iterdir()) == ["1"]


def test_an_artifact_that_differs_is_not_published(checkpoint, tmp_path, monkeypatch):
    other = dataclasses.replace(checkpoint, tensors={k: v * 1.01 for k, v in checkpoint.tensors.items()})
    graph = to_onnx(other)
    monkeypatch.setattr("export.publish.to_onnx", lambda _: graph)
    with pytest.raises(ExportError, match="differs from the checkpoint"):
        publish(checkpoint, tmp_path, "letters", "1")
    assert list((tmp_path / "letters").iterdir()) == []


def test_a_network_without_interlacing_is_not_exported(checkpoint):
    architecture = dataclasses.replace(checkpoint.architecture, temporal=Temporal.NONE)
    with pytest.raises(ExportError, match="interlacing"):
        to_onnx(dataclasses.replace(checkpoint, architecture=architecture))


def test_top_agreement_counts_sets():
    logits = np.array([[3.0, 2, 1, 0], [0, 1, 2, 3]], np.float32)
    swapped = np.array([[2.0, 3, 1, 0], [0, 1, 2, 3]], np.float32)
    assert top_agreement(logits, swapped, 1) == 0.5
    assert top_agreement(logits, swapped, 2) == 1.0


def test_the_command_publishes_and_explains(checkpoint, tmp_path):
    path = tmp_path / "letters.safetensors"
    save_checkpoint(checkpoint, path)
    done = CliRunner().invoke(export, [str(path), "--name", "letters", "--store", str(tmp_path / "store")])
    assert done.exit_code == 0, done.output
    assert "logits within" in done.output
    path.with_suffix(".json").write_text(json.dumps({}))
    refused = CliRunner().invoke(export, [str(path), "--name", "letters", "--store", str(tmp_path / "other")])
    assert refused.exit_code == 2
    assert "error:" in refused.output
    assert not (tmp_path / "other").exists()

"""Publication of a version: all artifacts with their parity reports, or nothing."""

import dataclasses
import json
import shutil

import pytest

from export.errors import ExportError
from export.formats.catalogue import FORMATS, ExportRequest
from export.publishing.atomic import ASIDE
from export.publishing.publish import publish
from service.store.model_store import ModelStore

ALL = ("onnx", "onnx-fp16", "torch")


@pytest.fixture(scope="module")
def published(checkpoint, cached_formats, tmp_path_factory):
    """A store, and the manifest of the version that was published to it."""
    store = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        for name, fmt in cached_formats.items():
            patch.setitem(FORMATS, name, fmt)
        return store, publish(ExportRequest("letters", "1", checkpoint), store, ALL)


def test_the_service_accepts_what_was_published(published, checkpoint):
    store, manifest = published
    model = ModelStore(store).open("letters")
    assert model.manifest == manifest
    assert model.manifest.labels == checkpoint.labels
    assert [path.name for path in (store / "letters").iterdir()] == ["1"]


def test_each_artifact_carries_its_proof(published):
    store, manifest = published
    assert [artifact.format for artifact in manifest.artifacts] == list(ALL)
    for artifact in manifest.artifacts:
        parity = artifact.parity
        assert parity.passed
        assert parity.batches == (1, 2, 5)
        assert (parity.num_clips, parity.num_real_clips) == (33, 9)
        assert 0 < parity.max_abs_logit_difference_at_made_offsets <= parity.tolerance
        assert parity.tolerance == {"fp32": 1e-4, "fp16": 2e-2}[artifact.precision]
        assert set(artifact.made_from) >= {"checkpoint", "exporter", "torch"}
    proofs = json.loads((store / "letters" / "1" / "parity.json").read_text())
    assert proofs == {artifact.format: artifact.parity.model_dump(mode="json") for artifact in manifest.artifacts}


def test_an_existing_version_is_replaced_only_on_request(published, export_request, tmp_path, cached_exports):
    store = shutil.copytree(published[0], tmp_path / "store")
    with pytest.raises(ExportError, match="--replace"):
        publish(export_request, store)
    publish(export_request, store, replace=True)
    assert [path.name for path in (store / "letters").iterdir()] == ["1"]


def test_an_artifact_that_differs_is_not_published(export_request, tmp_path, monkeypatch, cached_exports):
    checkpoint = export_request.checkpoint
    other = dataclasses.replace(checkpoint, tensors={k: v * 1.01 for k, v in checkpoint.tensors.items()})
    wrong = FORMATS["onnx"].make(dataclasses.replace(export_request, checkpoint=other), tmp_path)
    monkeypatch.setitem(FORMATS, "onnx", dataclasses.replace(FORMATS["onnx"], make=lambda *_: wrong))
    with pytest.raises(ExportError, match=r"model\.onnx"):
        publish(export_request, tmp_path)
    assert list((tmp_path / "letters").iterdir()) == []


def test_low_agreement_is_published_only_when_accepted(export_request, tmp_path, monkeypatch, cached_exports):
    fmt = dataclasses.replace(FORMATS["onnx"], tolerance=None, make=other_weights(export_request))
    monkeypatch.setitem(FORMATS, "onnx", fmt)
    with pytest.raises(ExportError, match="--accept"):
        publish(export_request, tmp_path)
    assert publish(export_request, tmp_path, accept=True).artifacts[0].parity.is_accepted


def other_weights(export_request):
    checkpoint = export_request.checkpoint
    other = dataclasses.replace(checkpoint, tensors={k: v * 1.3 for k, v in checkpoint.tensors.items()})
    make = FORMATS["onnx"].make
    return lambda _, folder: make(dataclasses.replace(export_request, checkpoint=other), folder)


def test_an_unknown_format_is_an_error_that_lists_the_known_ones(export_request, tmp_path):
    with pytest.raises(ExportError, match=r"coreml.*onnx"):
        publish(export_request, tmp_path, ["coreml"])
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(export_request, tmp_path, cached_exports):
    left = tmp_path / "letters" / f"{ASIDE}left" / "1"
    left.mkdir(parents=True)
    publish(export_request, tmp_path)
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["1"]

"""Publication of a version: all artifacts with their parity reports, or nothing."""

import dataclasses
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from export.errors import ExportError
from export.formats.catalogue import FORMATS, ExportRequest
from export.publishing.publish import publish, write_manifest
from service.store.atomic import ASIDE
from service.store.model_card import model_card
from service.store.model_store import ModelStore

ALL = ("onnx", "onnx-fp16", "torch")


@pytest.fixture(scope="module")
def published(checkpoint, tmp_path_factory):
    """A store, and the manifest of the version that was published to it."""
    store = tmp_path_factory.mktemp("store")
    return store, publish(ExportRequest("letters", "1", checkpoint), store, ALL)


def test_the_service_accepts_what_was_published(published, checkpoint):
    store, manifest = published
    model = ModelStore(store).open("letters")
    assert model.manifest == manifest
    assert model.manifest.labels == checkpoint.labels
    assert [path.name for path in (store / "letters").iterdir()] == ["1"]


def test_a_model_card_lies_beside_the_manifest(published):
    store, manifest = published
    assert (store / "letters" / "1" / "README.md").read_text() == model_card(manifest)


def test_temperature_and_threshold_of_the_checkpoint_are_the_manifests(published, checkpoint, tmp_path):
    manifest = published[1]
    assert manifest.temperature == checkpoint.temperature == 1
    assert manifest.threshold is checkpoint.threshold is None
    request = ExportRequest("letters", "2", dataclasses.replace(checkpoint, temperature=1.75, threshold=0.25))
    written = write_manifest(tmp_path, request, manifest.checkpoint, manifest.artifacts)
    assert (written.temperature, written.threshold) == (1.75, 0.25)


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
        assert parity.max_abs_logit > 10 * parity.max_abs_logit_difference
        assert parity.max_abs_logit_at_made_offsets > 10 * parity.max_abs_logit_difference_at_made_offsets
        assert set(artifact.made_from) >= {"checkpoint", "exporter", "torch"}
    proofs = json.loads((store / "letters" / "1" / "parity.json").read_text())
    assert proofs == {artifact.format: artifact.parity.model_dump(mode="json") for artifact in manifest.artifacts}


def test_an_existing_version_is_replaced_only_on_request(published, export_request, tmp_path):
    store = shutil.copytree(published[0], tmp_path / "store")
    with pytest.raises(ExportError, match="--replace"):
        publish(export_request, store)
    publish(export_request, store, replace=True)
    assert [path.name for path in (store / "letters").iterdir()] == ["1"]


@pytest.mark.parametrize(
    ("existing", "expected"), [([], "1"), (["1", "2"], "3"), (["9", "10", "nightly"], "11"), (["nightly"], "1")]
)
def test_without_a_version_the_next_number_is_taken(export_request, tmp_path, existing, expected):
    for version in existing:
        (tmp_path / "letters" / version).mkdir(parents=True)
    manifest = publish(dataclasses.replace(export_request, version=""), tmp_path)
    assert manifest.version == expected
    assert ModelStore(tmp_path).versions() == {"letters": [expected]}


def test_two_exports_at_once_without_a_version_get_one_each(export_request, tmp_path):
    unnumbered = dataclasses.replace(export_request, version="")
    with ThreadPoolExecutor(2) as threads:
        manifests = list(threads.map(lambda _: publish(unnumbered, tmp_path), range(2)))
    assert sorted(manifest.version for manifest in manifests) == ["1", "2"]
    assert ModelStore(tmp_path).versions() == {"letters": ["1", "2"]}


@pytest.mark.parametrize(("formats", "named"), [(["onnx-int8"], "--videos"), (["tensorrt"], "TensorRT")])
def test_a_format_that_cannot_be_made_is_refused_before_any_is(export_request, tmp_path, monkeypatch, formats, named):
    if "tensorrt" in formats and shutil.which("nvidia-smi"):
        pytest.skip("this machine may have the device")
    monkeypatch.setitem(FORMATS, "onnx", dataclasses.replace(FORMATS["onnx"], make=lambda *_: pytest.fail("made")))
    with pytest.raises(ExportError, match=named):
        publish(export_request, tmp_path, formats)
    assert list(tmp_path.iterdir()) == []


def test_an_artifact_that_differs_is_not_published(export_request, tmp_path, monkeypatch):
    checkpoint = export_request.checkpoint
    other = dataclasses.replace(checkpoint, tensors={k: v * 1.01 for k, v in checkpoint.tensors.items()})
    wrong = FORMATS["onnx"].make(dataclasses.replace(export_request, checkpoint=other), tmp_path)
    monkeypatch.setitem(FORMATS, "onnx", dataclasses.replace(FORMATS["onnx"], make=lambda *_: wrong))
    with pytest.raises(ExportError, match=r"model\.onnx"):
        publish(export_request, tmp_path)
    assert list((tmp_path / "letters").iterdir()) == []


def test_low_agreement_is_published_only_when_accepted(export_request, tmp_path, monkeypatch):
    fmt = dataclasses.replace(FORMATS["onnx"], tolerance=None, make=other_weights(export_request))
    monkeypatch.setitem(FORMATS, "onnx", fmt)
    with pytest.raises(ExportError, match="--accept"):
        publish(export_request, tmp_path)
    assert publish(export_request, tmp_path, accept=True).artifacts[0].parity.is_accepted


def test_an_optional_format_that_differs_is_left_out_with_a_warning(export_request, tmp_path, monkeypatch, caplog):
    wrong = dataclasses.replace(FORMATS["onnx-fp16"], make=other_weights(export_request))
    monkeypatch.setitem(FORMATS, "onnx-fp16", wrong)
    manifest = publish(export_request, tmp_path, ["onnx", "onnx-fp16"], optional=["onnx-fp16"])
    assert [artifact.format for artifact in manifest.artifacts] == ["onnx"]
    assert "onnx-fp16" in caplog.text
    assert not (tmp_path / "letters" / "1" / wrong.file()).exists()


def other_weights(export_request):
    checkpoint = export_request.checkpoint
    other = dataclasses.replace(checkpoint, tensors={k: v * 1.3 for k, v in checkpoint.tensors.items()})
    make = FORMATS["onnx"].make
    return lambda _, folder: make(dataclasses.replace(export_request, checkpoint=other), folder)


def test_an_unknown_format_is_an_error_that_lists_the_known_ones(export_request, tmp_path):
    with pytest.raises(ExportError, match=r"coreml.*onnx"):
        publish(export_request, tmp_path, ["coreml"])
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(export_request, tmp_path):
    left = tmp_path / "letters" / f"{ASIDE}left" / "1"
    left.mkdir(parents=True)
    publish(export_request, tmp_path)
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["1"]

"""Rebuilding of stale artifacts of one version."""

import dataclasses
import json

import pytest

from export.errors import ExportError
from export.formats.catalogue import FORMATS
from export.publishing.rebuild import RebuildTask, rebuild
from service.store.manifest import TimelineDefaults
from service.store.model_card import model_card
from service.store.model_store import ModelStore
from training.checkpoints.checkpoint import store_calibration, store_timeline


def statuses(store, *formats, **fields):
    outcomes = rebuild(RebuildTask(store, "letters", "1", formats or ("onnx",), **fields))
    return {outcome.format: (outcome.status, outcome.reason) for outcome in outcomes}


def edit_manifest(store, change):
    path = store / "letters" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest["artifacts"][0])
    path.write_text(json.dumps(manifest))


def test_what_is_fresh_stays_as_it_is(store):
    before = (store / "letters" / "1").stat().st_ino
    assert statuses(store) == {"onnx": ("fresh", "")}
    assert (store / "letters" / "1").stat().st_ino == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda artifact: artifact["made_from"].update(torch="1.0"), "torch was 1.0"),
        (lambda artifact: artifact["made_from"].update(exporter="0"), "exporter"),
        (lambda artifact: artifact["made_from"].pop("onnx"), "onnx"),
        (lambda artifact: artifact.update(sha256="0" * 64), "model.onnx"),
    ],
)
def test_what_was_made_from_something_else_is_rebuilt_with_the_reason(store, change, reason):
    edit_manifest(store, change)
    assert statuses(store, dry_run=True)["onnx"][0] == "stale"
    status, why = statuses(store)["onnx"]
    assert status == "rebuilt"
    assert reason in why
    assert statuses(store) == {"onnx": ("fresh", "")}
    ModelStore(store).open("letters", "1")


@pytest.mark.parametrize("old", [None, "# something else"], ids=["missing", "out of date"])
def test_the_model_card_is_refreshed_also_where_nothing_is_stale(store, old):
    card = store / "letters" / "1" / "README.md"
    expected = card.read_text()
    card.write_text(old) if old else card.unlink()
    assert statuses(store, dry_run=True) == {"onnx": ("fresh", "")}
    assert card.exists() == bool(old), "a dry run leaves it as it is"
    assert statuses(store) == {"onnx": ("fresh", "")}
    assert card.read_text() == expected


def test_a_new_calibration_of_the_checkpoint_reaches_the_manifest_and_the_card(store):
    folder = store / "letters" / "1"
    graph = (folder / "model.onnx").stat()
    store_calibration(folder / "checkpoint.safetensors", 1.5, 0.25)
    assert statuses(store, dry_run=True) == {"onnx": ("fresh", "")}
    assert ModelStore(store).open("letters", "1").manifest.threshold is None
    assert statuses(store) == {"onnx": ("fresh", "")}
    manifest = ModelStore(store).open("letters", "1").manifest
    assert (manifest.temperature, manifest.threshold) == (1.5, 0.25)
    assert (folder / "README.md").read_text() == model_card(manifest)
    assert (folder / "model.onnx").stat().st_mtime_ns == graph.st_mtime_ns


def test_new_parameters_of_timelines_reach_the_manifest_and_those_out_of_range_are_named(store):
    checkpoint = store / "letters" / "1" / "checkpoint.safetensors"
    store_timeline(checkpoint, {"window_seconds": 1.5, "min_probability": 0.5})
    assert statuses(store) == {"onnx": ("fresh", "")}
    timeline = ModelStore(store).open("letters", "1").manifest.timeline
    assert timeline == TimelineDefaults(window_seconds=1.5, min_probability=0.5)
    store_timeline(checkpoint, {"window_seconds": -1})
    status, reason = statuses(store)["onnx"]
    assert (status, "timeline.window_seconds" in reason) == ("failed", True)


def test_a_rebuilt_version_has_the_card_of_its_new_manifest(store):
    edit_manifest(store, lambda artifact: artifact["made_from"].update(torch="1.0"))
    statuses(store, "onnx", "torch")
    card = (store / "letters" / "1" / "README.md").read_text()
    assert card == model_card(ModelStore(store).open("letters", "1").manifest)


def test_a_dry_run_changes_nothing(store):
    edit_manifest(store, lambda artifact: artifact["made_from"].update(torch="1.0"))
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    statuses(store, dry_run=True)
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


def test_a_missing_format_is_added_and_the_fresh_one_kept(store):
    before = (store / "letters" / "1" / "model.onnx").stat().st_ino
    found = statuses(store, "onnx", "torch")
    assert {name: status for name, (status, _) in found.items()} == {"onnx": "fresh", "torch": "rebuilt"}
    assert (store / "letters" / "1" / "model.onnx").stat().st_ino == before
    held = ModelStore(store).open("letters", "1").manifest.artifacts
    assert [artifact.format for artifact in held] == ["onnx", "torch"]


def test_one_that_fails_leaves_the_others_and_its_older_form(store, monkeypatch):
    def fail(request, folder):
        raise ExportError("no luck")

    edit_manifest(store, lambda artifact: artifact["made_from"].update(torch="1.0"))
    monkeypatch.setitem(FORMATS, "onnx", dataclasses.replace(FORMATS["onnx"], make=fail))
    found = statuses(store, "onnx", "tensorrt")
    assert found["onnx"] == ("failed", "no luck")
    assert found["tensorrt"][0] == "failed"
    assert [artifact.format for artifact in ModelStore(store).open("letters", "1").manifest.artifacts] == ["onnx"]


def test_a_damaged_checkpoint_fails_by_name(store):
    (store / "letters" / "1" / "checkpoint.safetensors").write_bytes(b"damaged")
    status, reason = statuses(store)["onnx"]
    assert status == "failed"
    assert "checkpoint.json" in reason

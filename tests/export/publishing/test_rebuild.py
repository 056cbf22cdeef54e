import dataclasses
import json

import pytest

from export.errors import ExportError
from export.formats.catalogue import FORMATS
from export.publishing.publish import publish
from export.publishing.rebuild import Task, refresh
from service.store.model_store import ModelStore


@pytest.fixture
def store(subject, tmp_path, quick):
    publish(subject, tmp_path)
    return tmp_path


def statuses(store, *formats, **fields):
    outcomes = refresh(Task(store, "letters", "1", formats or ("onnx",), **fields))
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
        (lambda artifact: artifact["made_from"].update(torch="1.0"), "torch was 1.0, is "),
        (lambda artifact: artifact["made_from"].update(exporter="0"), "the exporter changed"),
        (lambda artifact: artifact["made_from"].pop("onnx"), "onnx was not recorded"),
        (lambda artifact: artifact.update(sha256="0" * 64), "is not the file that was published"),
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


def test_a_dry_run_changes_nothing(store):
    edit_manifest(store, lambda artifact: artifact["made_from"].update(torch="1.0"))
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    statuses(store, dry_run=True)
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


def test_a_missing_format_is_added_and_the_fresh_one_kept(store):
    before = (store / "letters" / "1" / "model.onnx").stat().st_ino
    assert statuses(store, "onnx", "torch") == {"onnx": ("fresh", ""), "torch": ("rebuilt", "it is not there")}
    assert (store / "letters" / "1" / "model.onnx").stat().st_ino == before
    held = ModelStore(store).open("letters", "1").manifest.artifacts
    assert [artifact.format for artifact in held] == ["onnx", "torch"]


def test_one_that_fails_leaves_the_others_and_its_older_form(store, monkeypatch):
    def fail(subject, folder):
        raise ExportError("no luck")

    edit_manifest(store, lambda artifact: artifact["made_from"].update(torch="1.0"))
    monkeypatch.setitem(FORMATS, "onnx", dataclasses.replace(FORMATS["onnx"], make=fail))
    found = statuses(store, "onnx", "tensorrt")
    assert found["onnx"] == ("failed", "no luck")
    assert found["tensorrt"][0] == "failed"
    assert [artifact.format for artifact in ModelStore(store).open("letters", "1").manifest.artifacts] == ["onnx"]


def test_a_checkpoint_that_cannot_be_read_is_told(store):
    (store / "letters" / "1" / "checkpoint.safetensors").write_bytes(b"damaged")
    status, reason = statuses(store)["onnx"]
    assert status == "failed"
    assert "is not the file that checkpoint.json describes" in reason

"""Model store: opens proven versions and names what is wrong with others."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.store.model_store import ModelNotFound, ModelRefused, ModelStore

Publish = Callable[..., Path]


def _edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def test_versions_are_ordered_as_numbers(tmp_path: Path, publish: Publish) -> None:
    for version in ("10", "9", "2", "beta"):
        publish(tmp_path, "colours", version)
    (tmp_path / "colours" / ".1.part").mkdir()
    (tmp_path / "colours" / "3").mkdir()
    assert ModelStore(tmp_path).versions() == {"colours": ["beta", "2", "9", "10"]}
    assert ModelStore(tmp_path).open("colours").manifest.version == "10"


def test_missing_root_is_an_empty_store(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "nothing")
    assert store.versions() == {}
    with pytest.raises(ModelNotFound, match="'colours'"):
        store.open("colours")


def test_opens_a_proven_version(tmp_path: Path, publish: Publish) -> None:
    folder = publish(tmp_path, "colours", "1")
    stored = ModelStore(tmp_path).open("colours", "1")
    assert stored.path_of(stored.manifest.artifacts[0]) == folder / "model.onnx"


def test_a_manifest_may_begin_with_a_byte_order_mark(tmp_path: Path, publish: Publish) -> None:
    path = publish(tmp_path, "colours", "1") / "manifest.json"
    path.write_bytes(BOM_UTF8 + path.read_bytes())
    assert ModelStore(tmp_path).open("colours", "1").manifest.name == "colours"


def test_unknown_version(tmp_path: Path, publish: Publish) -> None:
    publish(tmp_path, "colours", "1")
    with pytest.raises(ModelNotFound, match="'2'"):
        ModelStore(tmp_path).open("colours", "2")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m.pop("labels"), "labels"),
        (lambda m: m["labels"].pop(), "5 labels for 6 classes"),
        (lambda m: m["artifacts"][0].pop("parity"), r"artifacts.0.parity: Field required"),
        (lambda m: m["artifacts"][0].pop("sha256"), r"artifacts.0.sha256: Field required"),
        (lambda m: m["artifacts"][0].update(sha256="0" * 64), "model.onnx"),
        (lambda m: m["artifacts"][0].update(file="../other.onnx"), "artifacts.0.file"),
        (lambda m: m["artifacts"][0]["parity"].update(artifact_sha256="0" * 64), "model.onnx: .*parity report"),
        (lambda m: m["checkpoint"].update(sha256="0" * 64), "model.onnx: .*parity report"),
        (lambda m: m["artifacts"][0]["parity"].update(top1_agreement=0.9), "model.onnx: .*parity report"),
        (lambda m: m.update(version="7"), "colours 7"),
    ],
)
def test_refuses_and_says_why(
    tmp_path: Path, publish: Publish, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    _edit(publish(tmp_path, "colours", "1"), change)
    with pytest.raises(ModelRefused, match=reason) as refused:
        ModelStore(tmp_path).open("colours")
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("file", ["model.onnx", "manifest.json"])
def test_refuses_what_cannot_be_read(tmp_path: Path, publish: Publish, file: str) -> None:
    path = publish(tmp_path, "colours", "1") / file
    path.unlink()
    path.mkdir()
    with pytest.raises(ModelRefused, match=rf"colours/1/{file}"):
        ModelStore(tmp_path).open("colours")

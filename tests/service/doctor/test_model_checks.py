"""Checks of a model: the shipped model's logits and label compared with torch's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from service.config.settings import Settings
from service.doctor.check import Finding, examine
from service.doctor.golden import load_golden
from service.doctor.model_checks import ModelChecker
from service.store.manifest import Manifest
from tests.helpers.paths import REPOSITORY
from tests.helpers.stores import publish

SHIPPED = REPOSITORY / "model_store"


def _examine(backend: str, store: Path = SHIPPED, **recorded: Any) -> dict[str, Finding]:
    stages = load_golden().stages.model_copy(update=recorded)
    checker = ModelChecker("tin-motion", "1", Settings(model_store=store, backend=backend), stages)
    found = [examine(check, lambda _: None) for check in checker.checks()]
    checker.close()
    return {finding.check.removeprefix("tin-motion 1: "): finding for finding in found}


def test_float32_is_held_to_its_tolerance() -> None:
    found = _examine("onnx")["logits"]
    assert found.status == "ok"
    assert float(found.found.split()[1]) < 1e-4
    off = [logit + 0.001 for logit in load_golden().stages.logits]
    found = _examine("onnx", logits=off)["logits"]
    assert found.status == "failed"
    assert {"0.001", "0.0001"} <= set(found.found.replace(";", "").split())


def test_a_network_that_does_not_interlace_loads_and_has_no_golden_values(tmp_path: Path) -> None:
    publish(tmp_path, "tin-motion", "1", temporal="tsm")
    found = _examine("onnx", tmp_path)
    assert {check: finding.status for check, finding in found.items()} == {
        "files": "ok",
        "loads": "ok",
        "logits": "skipped",
        "label": "skipped",
    }
    assert found["loads"].found.endswith("gives logits, features")


def test_int8_is_held_to_twice_what_its_proof_found() -> None:
    found = _examine("onnx-int8")["logits"]
    assert found.status == "ok"
    off = [logit + 1 for logit in load_golden().stages.logits]
    found = _examine("onnx-int8", logits=off)["logits"]
    assert found.status == "failed"
    manifest = Manifest.model_validate_json((SHIPPED / "tin-motion" / "1" / "manifest.json").read_bytes())
    parity = next(each.parity for each in manifest.artifacts if each.format == "onnx-int8")
    assert f"{2 * parity.max_abs_logit_difference:g} is allowed" in found.found


def test_float32_is_not_held_to_it_on_pictures_that_were_rounded_otherwise() -> None:
    views = load_golden().stages.views.model_copy(update={"sha256": "0" * 64})
    off = [logit + 0.001 for logit in load_golden().stages.logits]
    assert _examine("onnx", views=views, logits=off)["logits"].status == "ok"


@pytest.mark.parametrize("backend", ["onnx", "onnx-int8"])
def test_the_label_must_be_torchs(backend: str) -> None:
    assert _examine(backend)["label"].status == "ok"
    found = _examine(backend, label="Moving something up")["label"]
    assert found.status == "failed"
    assert "'Moving something from left to right'" in found.found
    assert "'Moving something up'" in found.found


def test_another_checkpoint_beside_the_artifacts(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED / "tin-motion", tmp_path / "tin-motion")
    checkpoint = tmp_path / "tin-motion" / "1" / "checkpoint.safetensors"
    checkpoint.write_bytes(b"another one")
    found = _examine("onnx", tmp_path)
    assert found["files"].status == "failed"
    assert "checkpoint.safetensors" in found["files"].found
    checkpoint.unlink()
    assert _examine("onnx", tmp_path)["files"].status == "ok"

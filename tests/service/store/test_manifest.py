"""Manifests: the network that they name, and the limits of parity reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.store.manifest import MANIFEST_FILE, Manifest, TimelineDefaults, limit_of
from tests.helpers.stores import parity_report, publish


@pytest.mark.parametrize("temporal", ["tin", "tsm", "none"])
def test_a_manifest_names_its_network(tmp_path: Path, temporal: str) -> None:
    text = (publish(tmp_path, "colours", "1", temporal=temporal) / MANIFEST_FILE).read_text()
    assert Manifest.model_validate_json(text).temporal == temporal


def test_older_manifests_without_a_network_are_of_tin_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    fields = json.loads((publish(tmp_path, "colours", "1") / MANIFEST_FILE).read_text())
    del fields["architecture"]["temporal"]
    assert Manifest.model_validate(fields).temporal == "tin"
    fields["architecture"]["temporal"] = "attention"
    with pytest.raises(ValidationError, match="attention"):
        Manifest.model_validate(fields)


def test_older_manifests_have_the_temperature_1_and_none_below_0_is_taken(tmp_path: Path) -> None:
    fields = json.loads((publish(tmp_path, "colours", "1") / MANIFEST_FILE).read_text())
    del fields["temperature"]
    assert Manifest.model_validate(fields).temperature == 1
    assert Manifest.model_validate(fields | {"temperature": 1.75}).temperature == 1.75
    for wrong in (0, -1, float("inf")):
        with pytest.raises(ValidationError, match="temperature"):
            Manifest.model_validate(fields | {"temperature": wrong})


def test_older_manifests_have_no_threshold_and_only_a_probability_is_taken(tmp_path: Path) -> None:
    fields = json.loads((publish(tmp_path, "colours", "1") / MANIFEST_FILE).read_text())
    del fields["threshold"]
    assert Manifest.model_validate(fields).threshold is None
    assert Manifest.model_validate(fields | {"threshold": 0.25}).threshold == 0.25
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValidationError, match="threshold"):
            Manifest.model_validate(fields | {"threshold": wrong})


def test_timelines_have_defaults_of_the_model_where_they_are_known(tmp_path: Path) -> None:
    fields = json.loads((publish(tmp_path, "colours", "1") / MANIFEST_FILE).read_text())
    del fields["timeline"]
    assert Manifest.model_validate(fields).timeline is None
    known = {"window_seconds": 1.5, "step_seconds": 0.5, "min_probability": 0.75}
    assert Manifest.model_validate(fields | {"timeline": known}).timeline == TimelineDefaults(**known)
    assert Manifest.model_validate(fields | {"timeline": {}}).timeline == TimelineDefaults()
    wrong = {"window_seconds": 0, "step_seconds": 3, "min_probability": 1.1, "step": 1}
    for name, value in [*wrong.items(), ("step_seconds", 0.1)]:
        with pytest.raises(ValidationError, match=name):
            Manifest.model_validate(fields | {"timeline": {name: value}})


@pytest.mark.parametrize(
    ("scale", "limit"), [(0, 0), (1e-3, 1e-7), (0.5, 5e-5), (1, 1e-4), (10, 1e-4), (11, 1.1e-4), (1e4, 0.1)]
)
def test_the_limit_is_the_tolerance_at_scales_of_1_to_10_and_relative_elsewhere(scale: float, limit: float) -> None:
    assert limit_of(1e-4, scale) == pytest.approx(limit)


@pytest.mark.parametrize("export", ["", "_at_made_offsets"])
@pytest.mark.parametrize(
    ("scale", "difference", "is_close"),
    [
        (1, 0.99e-4, True),
        (1, 1.01e-4, False),
        (1000, 0.99e-2, True),
        (1000, 1.01e-2, False),
        (1e-3, 0.99e-7, True),
        (1e-3, 1.01e-7, False),
    ],
)
def test_each_export_is_judged_by_its_own_scale(export: str, scale: float, difference: float, is_close: bool) -> None:
    fields = {f"max_abs_logit{export}": scale, f"max_abs_logit_difference{export}": difference}
    assert parity_report(**fields).is_close is parity_report(**fields).passed is is_close


def test_older_reports_without_a_scale_are_held_to_the_tolerance() -> None:
    assert parity_report(max_abs_logit_difference=1e-4).passed
    assert not parity_report(max_abs_logit_difference=1.01e-4).passed


def test_without_a_tolerance_the_agreement_decides() -> None:
    fields = {"tolerance": None, "max_abs_logit": 10, "max_abs_logit_difference": 5, "required_top1_agreement": 0.98}
    assert parity_report(**fields, top1_agreement=0.98).passed
    assert not parity_report(**fields, top1_agreement=0.979).passed
    assert parity_report(**fields, top1_agreement=0.979, is_accepted=True).passed

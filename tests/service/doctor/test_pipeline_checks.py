"""Checks of the pipeline: serving that differs from training fails them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest

from clips import preprocess
from clips.decoding.decode import DecodedClip, decode
from service.doctor import pipeline_checks
from service.doctor.check import Check, Finding, examine
from service.doctor.golden import GoldenRecord, load_golden
from service.doctor.pipeline_checks import codec_checks, stage_checks

ALL_CODECS = 7


@pytest.fixture(scope="module")
def record() -> GoldenRecord:
    return load_golden()


def _found(checks: Iterable[Check]) -> list[Finding]:
    return [examine(check, lambda _: None) for check in checks]


def _failed(checks: Iterable[Check]) -> list[str]:
    return [finding.check for finding in _found(checks) if finding.status == "failed"]


def test_here_everything_is_equal_to_the_bit(record: GoldenRecord) -> None:
    found = [finding.found for finding in _found([*codec_checks(record.clips), *stage_checks(record.stages)])]
    assert found.count("equal to the bit") == ALL_CODECS + 3


def _frames_before(source: Any, pick_frames: Callable[[int], Sequence[int]], *options: Any) -> DecodedClip:
    return decode(source, lambda num_frames: [max(index - 1, 0) for index in pick_frames(num_frames)], *options)


def test_a_decoder_that_returns_other_frames(record: GoldenRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_checks, "decode", _frames_before)
    monkeypatch.setattr(pipeline_checks, "preprocess", partial(preprocess.preprocess, decode_video=_frames_before))
    assert len(_failed(codec_checks(record.clips))) == ALL_CODECS
    assert len(_failed(stage_checks(record.stages))) == 4


def test_a_decoder_that_finds_other_frames(record: GoldenRecord) -> None:
    clip = record.clips[0].model_copy(update={"num_frames": 17})
    (finding,) = _found(codec_checks((clip,)))
    assert finding.status == "failed"
    assert {"h264.mp4", "17", "16"} <= set(finding.found.split())


def test_a_clip_that_does_not_decode(record: GoldenRecord) -> None:
    clip = record.clips[0].model_copy(update={"file": "record.json"})
    finding = _found(codec_checks((clip,)))[0]
    assert (finding.status, finding.advice) == ("failed", pipeline_checks.REINSTALL)


def test_another_way_to_resize(record: GoldenRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "INTER_LINEAR", cv2.INTER_CUBIC)
    assert _failed(stage_checks(record.stages)) == ["stage: resize", "stage: normalise"]


def test_another_mean(record: GoldenRecord) -> None:
    spec = record.stages.spec.__class__(**record.stages.spec.to_json() | {"mean": (128, 128, 128)})
    assert _failed(stage_checks(record.stages.model_copy(update={"spec": spec}))) == ["stage: normalise"]


@pytest.mark.parametrize(("added", "status"), [(1, "ok"), (9, "failed")])
def test_rounding_is_told_from_another_picture(
    record: GoldenRecord, monkeypatch: pytest.MonkeyPatch, added: int, status: str
) -> None:
    views = np.minimum(pipeline_checks.served_views(record.stages), 255 - added) + np.uint8(added)
    monkeypatch.setattr(pipeline_checks, "served_views", lambda _: views)
    resize = _found(stage_checks(record.stages))[2]
    assert resize.status == status
    assert f"up to {added}" in resize.found

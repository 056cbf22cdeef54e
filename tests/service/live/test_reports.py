"""Reports: lines for people, rows for programs."""

from __future__ import annotations

import json

import pytest

from service.api.schemas.predict import ModelRef
from service.inference.segmentation import Segment
from service.live.mailbox import Connected, Lost
from service.live.reports import NOTHING_NAMED, JsonReport, TextReport
from service.live.rows import StartRow, Totals
from service.models.versions import LoadedModel
from tests.helpers.fakes.fake_backend import FakeBackend
from tests.helpers.stores import LABELS, SPEC

START = StartRow(
    source="camera",
    model=ModelRef(name="colours", version="1", digest="sha256:0"),
    window_seconds=2,
    step_seconds=1,
    min_probability=0.5,
)
TOTALS = Totals(seconds=7322.5, frames=1234, dropped_frames=5, windows=60, dropped_windows=1, reconnects=2)
NAMED, UNNAMED = Segment(0, 2.5, LABELS[0], 0, 0.9, 3), Segment(2.5, 4, None, None, 0.25, 2)


def test_a_person_sees_segments_on_stdout_and_the_rest_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    report = TextReport(START, lambda: TOTALS)
    report.started()
    report.connected(Connected(0.0, 1))
    for segment in (NAMED, UNNAMED):
        report.now(segment)
        report.segment(segment)
    report.lost(Lost(4.0, "camera has ended"))
    report.connected(Connected(9.0, 3))
    report.ended()
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ["0:00.0", "0:02.5", "90.0%", *LABELS[0].split()],
        ["0:02.5", "0:04.0", "25.0%", *NOTHING_NAMED.split()],
    ]
    lost, back, end = err.splitlines()
    assert "camera has ended" in lost
    assert "3 tries" in back
    assert all(number in end for number in ("2:02:02.5", "1,234", " 5 ", " 60 ", " 1 ", " 2 "))


def test_a_program_reads_rows(capsys: pytest.CaptureFixture[str]) -> None:
    model = LoadedModel("colours", "1", "", "", "", LABELS, SPEC, FakeBackend(len(LABELS)), threshold=0.5)
    report = JsonReport(START, lambda: TOTALS, model)
    report.started()
    report.connected(Connected(0.0, 1))
    report.segment(NAMED)
    report.segment(UNNAMED)
    report.lost(Lost(4.0, "gone"))
    report.status()
    report.ended()
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["kind"] for row in rows] == ["start", "connected", "segment", "segment", "lost", "status", "end"]
    assert rows[2] | {"likely": True} == rows[2]
    assert (rows[3]["label"], rows[3]["index"]) == (None, None)
    assert {name: rows[-1][name] for name in TOTALS.model_dump()} == TOTALS.model_dump()

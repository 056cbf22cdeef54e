"""Printed tables: labels have the page's width, times are readable."""

from __future__ import annotations

import pytest

from service.api.schemas.predict import Action, Clip, ModelRef, PredictionResponse, Timing
from service.console import clock, print_prediction

LABELS = [
    "presenting weather forecast",
    "massaging person's head and neck",
    "Pretending to put something underneath something",
]


def response(labels: list[str], *, likely: bool | None = None) -> PredictionResponse:
    return PredictionResponse(
        predictions=[
            Action(rank=rank, label=label, index=rank, probability=1 / (rank + 1))
            for rank, label in enumerate(labels, 1)
        ],
        likely=likely,
        model=ModelRef(name="m", version="1", digest="sha256:0"),
        clip=Clip(
            container="mp4", codec="h264", size_bytes=1, width=8, height=8, duration_seconds=1, frames=9, sampled=[]
        ),
        timing_ms=Timing(decode=1, transform=1, infer=1, total=3),
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_long_labels_do_not_wrap(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_prediction("a.mp4", response(LABELS))
    lines = capsys.readouterr().out.splitlines()
    assert all(any(label in line for line in lines) for label in LABELS)
    assert max(map(len, lines)) <= columns
    assert any("█" in line for line in lines)


def test_a_label_that_is_wider_than_the_page_wraps_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_prediction("a.mp4", response(LABELS))
    printed = capsys.readouterr().out
    assert all(word in printed for label in LABELS for word in label.split())
    assert "█" not in printed


@pytest.mark.parametrize(("likely", "is_doubted"), [(True, False), (False, True), (None, False)])
def test_an_answer_that_is_not_likely_says_so_above_its_actions(
    likely: bool | None, is_doubted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    print_prediction("a.mp4", response(LABELS, likely=likely))
    above, _, below = capsys.readouterr().out.partition(LABELS[0])
    assert below
    assert ("none of the motions" in above) is is_doubted


def test_times_have_hours_when_there_are_some() -> None:
    assert [clock(seconds) for seconds in (0, 59.96, 3599.9, 7322.5)] == ["0:00.0", "1:00.0", "59:59.9", "2:02:02.5"]

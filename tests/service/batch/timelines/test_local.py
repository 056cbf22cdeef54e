"""Timelines on this machine: one result for each video, in order, whatever happens to one of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from clips.part import Part
from service.batch.results.result import Answer, Failed
from service.batch.timelines.answer import TimelineAnswer
from service.batch.timelines.input_video import InputVideo
from service.batch.timelines.local import each_timeline
from service.batch.timelines.options import TimelineOptions
from service.config.settings import Settings
from service.inference.timeline_plan import TimelinePlan, plan_timeline
from service.models.versions import LoadedModel


@pytest.fixture
def plan(model: LoadedModel) -> TimelinePlan:
    return plan_timeline(model, 100, window_seconds=0.5)


@pytest.fixture
def films(tmp_path: Path, videos: dict[str, bytes]) -> list[InputVideo]:
    """A video, a text, a video, a folder of frames, and nothing."""
    for name, content in (("a.mp4", videos["mp4"]), ("b.mp4", b"text " * 50), ("c.avi", videos["avi"])):
        (tmp_path / name).write_bytes(content)
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(3):
        cv2.imwrite(str(frames / f"{index}.png"), np.zeros((32, 32, 3), np.uint8))
    return [InputVideo(tmp_path / name) for name in ("a.mp4", "b.mp4", "c.avi", "frames", "nowhere.mp4")]


def test_a_failure_is_a_result_and_the_others_go_on(
    films: list[InputVideo], model: LoadedModel, plan: TimelinePlan, settings: Settings
) -> None:
    results = list(each_timeline(films, model, plan, settings))
    assert [result.file for result in results] == [film.name for film in films]
    assert [isinstance(result, Answer) for result in results] == [True, False, True, False, False]
    lasting = [result.lasts for result in results if isinstance(result, Failed)]
    assert lasting == [True, True, False]


def test_an_answer_says_what_it_was_made_with(
    films: list[InputVideo], model: LoadedModel, plan: TimelinePlan, settings: Settings
) -> None:
    for part, seconds in ((Part(), 1.6), (Part(0.4), 1.2), (Part(0.4, 1), 0.6)):
        of_part = replace(plan, part=part)
        (result,) = each_timeline(films[:1], model, of_part, settings)
        assert isinstance(result, Answer)
        answer: TimelineAnswer = result.response
        fields: dict[str, Any] = answer.model_dump(exclude_none=True)
        assert TimelineOptions.of_answer(fields) == TimelineOptions.of(model, of_part)
        assert TimelineOptions.of(model, of_part).plan(model, 100) == of_part
        assert answer.seconds_covered == pytest.approx(seconds)
        assert answer.times_real_time == pytest.approx(seconds * 1000 / answer.timing_ms.total)
        assert (answer.segments[0].start_seconds, answer.segments[-1].end_seconds) == (part.start, part.end or 1.6)


def test_rows_are_seen_as_they_come(
    films: list[InputVideo], model: LoadedModel, plan: TimelinePlan, settings: Settings
) -> None:
    seen: list[tuple[str, str]] = []

    def watch(file: str, rows: Any) -> Any:
        for row in rows:
            seen.append((file, row.kind))
            yield row

    (result,) = each_timeline(films[:1], model, plan, settings, watch=watch)
    assert isinstance(result, Answer)
    assert seen == [(films[0].name, kind) for kind in ("clip", *["window"] * result.response.num_windows, "segments")]

"""Actors of a Ray cluster, run in this process without Ray."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from service.api.schemas.predict import PredictionResponse
from service.batch import local
from service.batch.ray_actors import Columns, DecodeActor, DecodeAndInferActor, TimelineActor
from service.batch.request import PredictOptions
from service.batch.results.result import Answer, Failed, Result
from service.batch.timelines.input_video import InputVideo
from service.batch.timelines.local import each_timeline
from service.batch.timelines.options import TimelineOptions
from service.inference.timeline_plan import plan_timeline
from service.store.model_store import ModelNotFound

OPTIONS = PredictOptions("colours", "2", 3, stability=True)


@pytest.fixture
def names(tmp_path: Path, videos: dict[str, bytes], not_videos: dict[str, bytes]) -> list[str]:
    """Two videos, a text, nothing, and another video, relative to `tmp_path`."""
    contents = {"one.mp4": videos["mp4"], "two.avi": videos["avi"], "text.mp4": not_videos["text"]}
    for name, content in (contents | {"three.mov": videos["mov"]}).items():
        (tmp_path / name).write_bytes(content)
    return [*contents, "nowhere.mp4", "three.mov"]


def rows(names: list[str]) -> Columns:
    return {"file": np.array([os.fsencode(name) for name in names], object)}


def comparable(result: Result) -> tuple[str, object]:
    """All but the times, which differ."""
    told = result.response.model_dump(exclude={"timing_ms"}) if isinstance(result, Answer) else result
    return Path(result.file).name, told


def test_the_results_are_those_of_one_process(settings, model, names, tmp_path):
    made = DecodeAndInferActor(OPTIONS, settings, tmp_path)(rows(names))["result"]
    expected = list(local.predict_videos([tmp_path / name for name in names], model, OPTIONS, settings))
    assert [result.file for result in made if isinstance(result, Answer)] == ["one.mp4", "two.avi", "three.mov"]
    reasons = {Path(each.file).name: (each.reason, each.lasts) for each in expected if isinstance(each, Failed)}
    assert {each.file: (each.reason, each.lasts) for each in made if isinstance(each, Failed)} == reasons
    assert reasons["nowhere.mp4"] == ("No such file or directory", False)
    answered = [sorted(map(comparable, some)) for some in (answers(made), answers(expected))]
    assert answered[0] == answered[1]


def answers(results: Iterable[Result]) -> list[Answer[PredictionResponse]]:
    return [result for result in results if isinstance(result, Answer)]


def test_no_rows_are_no_results(settings, tmp_path):
    assert len(DecodeAndInferActor(OPTIONS, settings, tmp_path)(rows([]))["result"]) == 0


def test_a_node_without_the_model_says_so_when_it_is_given_work(settings, names, tmp_path):
    decode = DecodeActor(PredictOptions("none", "1", 3), settings, tmp_path)
    with pytest.raises(ModelNotFound, match="no model 'none' in the store"):
        decode(rows(names))


def test_timelines_are_made_on_a_node_as_here(settings, model, videos, tmp_path):
    (tmp_path / "a.mp4").write_bytes(videos["mp4"])
    plan = plan_timeline(model, settings.max_windows, window_seconds=0.5)
    actor = TimelineActor(TimelineOptions.of(model, plan), settings, tmp_path)
    made, failed = actor(rows(["a.mp4", "nowhere.mp4"]))["result"]
    (here,) = each_timeline([InputVideo(tmp_path / "a.mp4")], model, plan, settings)
    assert isinstance(here, Answer)
    assert (made.file, made.response.segments) == ("a.mp4", here.response.segments)
    assert (failed.file, failed.reason) == ("nowhere.mp4", "No such file or directory")

"""What an actor does, in this process: no cluster is needed for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from service.batch import local
from service.batch.ray_actors import Batch, Decoding, DecodingAndAnswering
from service.batch.request import PredictOptions
from service.batch.results import Answer, Failed, Result
from service.store.model_store import ModelNotFound

QUESTION = PredictOptions("colours", "2", 3, stability=True)


@pytest.fixture
def names(tmp_path: Path, videos: dict[str, bytes], not_videos: dict[str, bytes]) -> list[str]:
    """Two videos, a text, nothing, and another video, relative to `tmp_path`."""
    contents = {"one.mp4": videos["mp4"], "two.avi": videos["avi"], "text.mp4": not_videos["text"]}
    for name, content in (contents | {"three.mov": videos["mov"]}).items():
        (tmp_path / name).write_bytes(content)
    return [*contents, "nowhere.mp4", "three.mov"]


def rows(names: list[str]) -> Batch:
    return {"file": np.array([os.fsencode(name) for name in names], object)}


def comparable(outcome: Result) -> tuple[str, object]:
    """All but the times, which differ."""
    told = outcome.response.model_dump(exclude={"timing_ms"}) if isinstance(outcome, Answer) else outcome
    return Path(outcome.file).name, told


def test_the_outcomes_are_those_of_one_process(settings, model, names, tmp_path):
    made = DecodingAndAnswering(QUESTION, settings, tmp_path)(rows(names))["outcome"]
    expected = list(local.outcomes([tmp_path / name for name in names], model, QUESTION, settings))
    assert [outcome.file for outcome in made if isinstance(outcome, Answer)] == ["one.mp4", "two.avi", "three.mov"]
    reasons = {Path(each.file).name: (each.reason, each.lasts) for each in expected if isinstance(each, Failed)}
    assert {each.file: (each.reason, each.lasts) for each in made if isinstance(each, Failed)} == reasons
    assert reasons["nowhere.mp4"] == ("No such file or directory", False)
    answered = [sorted(map(comparable, some)) for some in (answers(made), answers(expected))]
    assert answered[0] == answered[1]


def answers(outcomes: Iterable[Result]) -> list[Answer]:
    return [outcome for outcome in outcomes if isinstance(outcome, Answer)]


def test_no_rows_are_no_outcomes(settings, tmp_path):
    assert len(DecodingAndAnswering(QUESTION, settings, tmp_path)(rows([]))["outcome"]) == 0


def test_a_node_without_the_model_says_so_when_it_is_given_work(settings, names, tmp_path):
    decode = Decoding(PredictOptions("none", "1", 3), settings, tmp_path)
    with pytest.raises(ModelNotFound, match="no model 'none' in the store"):
        decode(rows(names))

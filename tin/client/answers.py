"""Answers of the service, read into the results of the Python API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, TypeVar

import httpx

from clips.scores import Score
from clips.video_info import VideoInfo
from tin.client.errors import NoAnswer, ServiceBusy, ServiceProblem
from tin.results import Clip, ModelRef, Prediction, TimelineSegment, TimelineWindow

BUSY = (429, 503)

Result = TypeVar("Result", ModelRef, VideoInfo, Score, TimelineSegment)


def prediction_of(body: bytes) -> Prediction:
    """Read the answer of POST /predict; raises NoAnswer for any other body."""
    with reading():
        answer = json.loads(body)
        clip, sampled = answer["clip"], answer["clip"]["sampled"]
        return Prediction(
            scores_of(answer),
            result_of(ModelRef, answer["model"]),
            Clip(
                tuple(frame["index"] for frame in sampled),
                tuple(frame["time_seconds"] for frame in sampled),
                result_of(VideoInfo, clip),
            ),
            answer.get("likely"),
        )


def window_of(row: Mapping[str, Any]) -> TimelineWindow:
    """Read a row of a timeline's window."""
    return TimelineWindow(row["start_seconds"], row["end_seconds"], scores_of(row), row.get("likely"))


def scores_of(row: Mapping[str, Any]) -> tuple[Score, ...]:
    """Read the actions of an answer or of a row."""
    return tuple(result_of(Score, action) for action in row["predictions"])


def result_of(kind: type[Result], found: Mapping[str, Any]) -> Result:
    """Make a result of the fields that it has; a newer service may send more."""
    return kind(**{field.name: found[field.name] for field in fields(kind) if field.name in found})


def problem_in(response: httpx.Response) -> ServiceProblem:
    """Make the error of an answer that is not 200; its body has been read."""
    try:
        found = dict(response.json())
    except (ValueError, TypeError):
        found = {}
    seconds = response.headers.get("Retry-After", "")
    problem = {"title": response.reason_phrase} | found | {"status": response.status_code}
    return problem_of(problem, float(seconds) if seconds.isdecimal() else None)


def problem_of(problem: Mapping[str, Any], retry_after: float | None = None) -> ServiceProblem:
    """Make the error of a problem."""
    kind = ServiceBusy if problem["status"] in BUSY else ServiceProblem
    known = ("status", "title", "detail", "type", "request_id")
    return kind(**{name: problem[name] for name in known if name in problem}, retry_after=retry_after)


@contextmanager
def reading() -> Iterator[None]:
    """Turn what goes wrong with an answer that is not of tin-serve into NoAnswer."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoAnswer(f"the answer is not one of tin-serve: {error!r}") from error

"""Plan of a timeline: what a request gives, else the model's defaults, else those of any model."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from clips.windows import Windowing
from service.inference.timeline_plan import BadTimeline, TimelinePlan, plan_timeline
from service.store.manifest import TimelineDefaults
from tests.helpers.fakes.fake_backend import FakeBackend, loaded

PLAIN = loaded(FakeBackend(2))
OWN = TimelineDefaults(window_seconds=1.5, step_seconds=0.5, min_probability=0.75)
TUNED = replace(PLAIN, threshold=0.25, timeline=OWN)


def test_a_model_without_defaults_has_windows_of_two_seconds_and_names_every_one() -> None:
    assert plan_timeline(PLAIN, 7) == TimelinePlan(Windowing(2.0, 1.0, 7), 0.0)


def test_the_threshold_of_a_likely_answer_counts_where_timelines_have_none_of_their_own() -> None:
    assert plan_timeline(replace(PLAIN, threshold=0.25), 7).min_probability == 0.25
    assert plan_timeline(TUNED, 7).min_probability == 0.75


def test_defaults_of_the_model_and_each_may_be_overridden() -> None:
    assert plan_timeline(TUNED, 7) == TimelinePlan(Windowing(1.5, 0.5, 7), 0.75)
    assert plan_timeline(TUNED, 7, step_seconds=0.25) == TimelinePlan(Windowing(1.5, 0.25, 7), 0.75)
    assert plan_timeline(TUNED, 7, min_probability=0.0) == TimelinePlan(Windowing(1.5, 0.5, 7), 0.0)


def test_the_step_of_another_window_is_half_of_it() -> None:
    assert plan_timeline(TUNED, 7, window_seconds=4.0).windowing == Windowing(4.0, 2.0, 7)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"window_seconds": 0.0}, "window_seconds must be from 0.001 to 600"),
        ({"window_seconds": math.nan}, "window_seconds"),
        ({"window_seconds": math.inf}, "window_seconds"),
        ({"step_seconds": 2.5}, "step_seconds must be from 0.125 to 2, not 2.5"),
        ({"step_seconds": 0.1}, "step_seconds"),
        ({"min_probability": 1.1}, "min_probability must be from 0 to 1"),
        ({"min_probability": math.nan}, "min_probability"),
    ],
)
def test_what_is_out_of_range_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(BadTimeline, match=named):
        plan_timeline(PLAIN, 7, **given)

"""Plan of a timeline: its windows, threshold and part, from a request's parameters and the model's defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass

from clips.part import WHOLE, Part
from clips.windows import Windowing
from service.models.versions import LoadedModel
from service.store.manifest import LONGEST_WINDOW, MOST_OVERLAPPING, SHORTEST_WINDOW


class BadTimeline(ValueError):
    """A parameter of a timeline is out of range; the message names it."""


@dataclass(frozen=True)
class TimelinePlan:
    """The windows of a timeline, the least top-1 probability of one that names its action, and the part they cover."""

    windowing: Windowing
    min_probability: float
    part: Part = WHOLE


def plan_timeline(
    model: LoadedModel,
    max_windows: int,
    *,
    window_seconds: float | None = None,
    step_seconds: float | None = None,
    min_probability: float | None = None,
    part: Part = WHOLE,
) -> TimelinePlan:
    """Plan a timeline with what a request gives, and with the model's defaults for the rest.

    The model's own step goes with its own window: with another window it is half of that.

    Args:
        model: The model that will answer.
        max_windows: Most windows of one timeline.
        window_seconds: Length of a window, from a millisecond to ten minutes.
        step_seconds: From one window to the next; 1/16 of a window to a whole one.
        min_probability: From 0 to 1.
        part: The part of the video that the windows cover.

    Raises BadTimeline.
    """
    defaults = model.timeline
    if step_seconds is None and window_seconds is None:
        step_seconds = defaults.step_seconds
    window = defaults.window_seconds if window_seconds is None else window_seconds
    _check("window_seconds", window, SHORTEST_WINDOW, LONGEST_WINDOW)
    step = window / 2 if step_seconds is None else step_seconds
    _check("step_seconds", step, window / MOST_OVERLAPPING, window)
    least = default_min_probability(model) if min_probability is None else min_probability
    _check("min_probability", least, 0, 1)
    return TimelinePlan(Windowing(window, step, max_windows), least, part)


def default_min_probability(model: LoadedModel) -> float:
    """Return the threshold of the model's timelines: their own, else that of a likely answer, else 0."""
    if model.timeline.min_probability is not None:
        return model.timeline.min_probability
    return 0.0 if model.threshold is None else model.threshold


def _check(name: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise BadTimeline(f"{name} must be from {least:g} to {most:g}, not {value:g}")

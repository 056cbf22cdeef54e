"""Options of timelines, the same for every video of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from clips.part import WHOLE, Part
from service.api.schemas.part import part_in
from service.batch.timelines.answer import TimelineAnswer
from service.inference.timeline_plan import TimelinePlan, plan_timeline
from service.models.versions import LoadedModel


@dataclass(frozen=True)
class TimelineOptions:
    """Model and version by name, the windows in seconds, the threshold, and the part of each video."""

    model: str
    version: str
    window_seconds: float
    step_seconds: float
    min_probability: float
    part: Part = WHOLE

    @classmethod
    def of(cls, model: LoadedModel, plan: TimelinePlan) -> Self:
        """Return the options of a plan for a model."""
        windowing = plan.windowing
        windows = windowing.window_seconds, windowing.step_seconds
        return cls(model.name, model.version, *windows, plan.min_probability, plan.part)

    @classmethod
    def of_answer(cls, fields: Mapping[str, Any]) -> Self:
        """Read the options from the fields of a TimelineAnswer; raises ValueError for other fields."""
        answer = TimelineAnswer.model_validate(fields)
        windows = answer.window_seconds, answer.step_seconds
        return cls(answer.model.name, answer.model.version, *windows, answer.min_probability, part_in(answer.part))

    def plan(self, model: LoadedModel, max_windows: int) -> TimelinePlan:
        """Return the plan of these options; raises BadTimeline."""
        return plan_timeline(
            model,
            max_windows,
            window_seconds=self.window_seconds,
            step_seconds=self.step_seconds,
            min_probability=self.min_probability,
            part=self.part,
        )

    def __str__(self) -> str:
        windows = f"windows of {self.window_seconds:g} s, one every {self.step_seconds:g} s"
        part = "" if self.part == WHOLE else f", {self.part}"
        return f"timelines by {self.model} {self.version}, {windows}, named from {self.min_probability:g} on{part}"

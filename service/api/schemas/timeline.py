"""Schemas of POST /timeline: the parameters, and the rows of the answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from service.api.schemas.part import PartOfVideo, PartQuery
from service.api.schemas.predict import Action, ModelRef, Problem, Timing, TopKParameter, Video, VideoText
from service.inference.timeline_plan import TimelinePlan, plan_timeline
from service.models.versions import LoadedModel
from service.store.manifest import LONGEST_WINDOW, MOST_OVERLAPPING, SHORTEST_WINDOW

Seconds = Annotated[float, Field(ge=SHORTEST_WINDOW, le=LONGEST_WINDOW, allow_inf_nan=False)]


class TimelineQuery(PartQuery):
    """The parameters of POST /timeline; an unknown name is an error."""

    window_seconds: Seconds | None = Field(
        default=None, description="How long a window is; the model's own length when not given, or 2"
    )
    step_seconds: Seconds | None = Field(
        default=None,
        description=f"From one window to the next: 1/{MOST_OVERLAPPING} of one to a whole one. When not given, the "
        "model's own step for its own windows, or half a window",
    )
    min_probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Least top-1 probability of a window that names its action, applied before windows are merged. "
        "The model's own when not given: that of its timelines, its threshold, or 0",
    )
    top_k: TopKParameter | None = Field(
        default=None,
        description="How many actions of each window, or `all`; too many give all; 5 when not given",
    )
    model: str | None = Field(default=None, description="A model's name; the default model when not given")
    version: str | None = Field(default=None, description="A version of the model; its policy chooses when not given")

    def plan(self, model: LoadedModel, max_windows: int) -> TimelinePlan:
        """Plan the timeline that these parameters ask for; raises BadTimeline."""
        return plan_timeline(
            model,
            max_windows,
            window_seconds=self.window_seconds,
            step_seconds=self.step_seconds,
            min_probability=self.min_probability,
            part=self.part,
        )


class TimelineBody(TimelineQuery):
    """A JSON body of POST /timeline: the video, and parameters that are not in the query."""

    video: VideoText


class ClipRow(BaseModel):
    """The first row: the upload's properties, and the windows to come."""

    kind: Literal["clip"] = "clip"
    model: ModelRef
    clip: Video
    part: PartOfVideo | None = Field(default=None, description="With `from` or `to`: the part that the windows cover")
    num_windows: int
    window_seconds: float
    step_seconds: float
    min_probability: float = Field(ge=0, le=1, description="Least top-1 probability of a window that names its action")


class WindowRow(BaseModel):
    """One window, as soon as it is known; they come in order of time, and the last one ends at the video's end."""

    kind: Literal["window"] = "window"
    start_seconds: float
    end_seconds: float
    predictions: list[Action] = Field(description="Most probable first")
    likely: bool | None = Field(default=None, description="As in the answer of /predict")


class SegmentOfClip(BaseModel):
    """A stretch of the video whose windows have the same top-1 action, or name none."""

    start_seconds: float
    end_seconds: float
    label: str | None = Field(description="null: nothing is named, as each probability is below `min_probability`")
    index: int | None = Field(
        description="The class's place in the model's list of labels; null where nothing is named"
    )
    probability: float = Field(ge=0, le=1, description="The mean top-1 probability of the windows that agree")
    likely: bool | None = Field(
        default=None, description="False if that mean is below the model's threshold. Left out without a threshold"
    )
    num_windows: int

    @model_serializer(mode="wrap")
    def _keep_null_labels(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Rows are written without the fields that are None, but null is an answer here.
        return {**handler(self), "label": self.label, "index": self.index}


class SegmentsRow(BaseModel):
    """The last row when all went well; segments neither overlap nor leave anything out."""

    kind: Literal["segments"] = "segments"
    segments: list[SegmentOfClip]
    timing_ms: Timing


class ProblemRow(Problem):
    """The last row when something failed after the first one."""

    kind: Literal["problem"] = "problem"
    status: int = Field(description="The HTTP status that it would have had before the first row")


TimelineRow = ClipRow | WindowRow | SegmentsRow
"""A row of a timeline that goes well."""

Row = TimelineRow | ProblemRow

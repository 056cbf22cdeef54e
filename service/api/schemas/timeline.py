"""Schemas of POST /timeline: the parameters, and the rows of the answer."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from clips.windows import Windowing
from service.api.schemas.predict import Action, ModelRef, Problem, Timing, TopKParameter, Video, VideoText

MOST_OVERLAPPING = 16
"""Most windows that overlap at one moment; bounds the frames that are held."""

Seconds = Annotated[float, Field(ge=0.001, le=600, allow_inf_nan=False)]


class TimelineQuery(BaseModel):
    """The parameters of POST /timeline; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid")

    window_seconds: Seconds = Field(default=2.0, description="How long a window is")
    step_seconds: Seconds | None = Field(
        default=None,
        description=f"From one window to the next: 1/{MOST_OVERLAPPING} of one to a whole one; half when not given",
    )
    top_k: TopKParameter | None = Field(
        default=None,
        description="How many actions of each window, or `all`; too many give all; 5 when not given",
    )
    model: str | None = Field(default=None, description="A model's name; the default model when not given")
    version: str | None = Field(default=None, description="A version of the model; its policy chooses when not given")

    @property
    def step(self) -> float:
        """The step in seconds, half a window unless given."""
        return self.window_seconds / 2 if self.step_seconds is None else self.step_seconds

    def windowing(self, max_windows: int) -> Windowing:
        """The windows that these parameters ask for."""
        return Windowing(self.window_seconds, self.step, max_windows)

    @model_validator(mode="after")
    def _check_step(self) -> Self:
        least, most = self.window_seconds / MOST_OVERLAPPING, self.window_seconds
        if not least <= self.step <= most:
            message = f"step_seconds must be from {least:g} to {most:g} for this window, not {self.step:g}"
            raise PydanticCustomError("step", message)
        return self


class TimelineBody(TimelineQuery):
    """A JSON body of POST /timeline: the video, and parameters that are not in the query."""

    video: VideoText


class ClipRow(BaseModel):
    """The first row: the upload's properties, and the windows to come."""

    kind: Literal["clip"] = "clip"
    model: ModelRef
    clip: Video
    num_windows: int
    window_seconds: float
    step_seconds: float


class WindowRow(BaseModel):
    """One window, as soon as it is known; they come in order of time, and the last one ends at the video's end."""

    kind: Literal["window"] = "window"
    start_seconds: float
    end_seconds: float
    predictions: list[Action] = Field(description="Most probable first")
    likely: bool | None = Field(default=None, description="As in the answer of /predict")


class SegmentOfClip(BaseModel):
    """A stretch of the video whose windows have the same top-1 action."""

    start_seconds: float
    end_seconds: float
    label: str
    index: int = Field(description="The class's place in the model's list of labels")
    probability: float = Field(ge=0, le=1, description="The mean of its windows'")
    likely: bool | None = Field(
        default=None, description="False if that mean is below the model's threshold. Left out without a threshold"
    )
    num_windows: int


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

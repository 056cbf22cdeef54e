"""Rows of `tin live --json`: what happened, in order, one object a line."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from service.api.schemas.predict import ModelRef
from service.api.schemas.timeline import SegmentOfClip


class StartRow(BaseModel):
    """The first row: the source, the model and the windows."""

    kind: Literal["start"] = "start"
    source: str
    model: ModelRef
    window_seconds: float
    step_seconds: float
    min_probability: float


class ConnectedRow(BaseModel):
    """The first frame is there, at first or after the source was lost; `at` is the clock's time then."""

    kind: Literal["connected"] = "connected"
    seconds: float
    at: datetime
    tries: int


class LostRow(BaseModel):
    """The source broke off; it is opened again until it is back."""

    kind: Literal["lost"] = "lost"
    seconds: float
    reason: str


class SegmentRow(SegmentOfClip):
    """A segment, as soon as it is closed; times count from the first frame."""

    kind: Literal["segment"] = "segment"


class Totals(BaseModel):
    """Counts since the start."""

    seconds: float = Field(description="The end of the last window")
    frames: int
    dropped_frames: int = Field(description="Packets that were not decoded, as decoding was behind")
    windows: int
    dropped_windows: int = Field(description="Windows that were not predicted, as the model was busy or away")
    reconnects: int


class StatusRow(Totals):
    """The counts, once a minute."""

    kind: Literal["status"] = "status"


class EndRow(Totals):
    """The last row."""

    kind: Literal["end"] = "end"


Row = StartRow | ConnectedRow | LostRow | SegmentRow | StatusRow | EndRow

"""Schemas of /teach/...: the takes, the limits and the training."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from service.teaching.job import Job


class TakeRef(BaseModel):
    """One clip of an action."""

    id: str
    num_bytes: int


class ActionTakes(BaseModel):
    """An action and its takes, the oldest first."""

    name: str
    takes: list[TakeRef]


class TeachLimits(BaseModel):
    """Bounds of the takes."""

    min_actions: int
    max_actions: int
    min_takes: int
    max_takes: int
    max_take_bytes: int
    max_bytes: int


class JobView(Job):
    """A training, and what became of its model; the report's path is left out."""

    serving: Literal["loading", "ready", "refused"] | None = Field(
        default=None, description="State of the published version in this service; None before there is one"
    )
    refused: str | None = Field(default=None, description="Reason why the version is not served")
    has_report: bool = False


class TeachState(BaseModel):
    """Everything that the page shows."""

    actions: list[ActionTakes]
    num_bytes: int = Field(description="Of everything in the folder")
    limits: TeachLimits
    not_trainable: str | None = Field(description="Reason why nothing can be trained here")
    minutes: float = Field(description="Longest time of a training")
    job: JobView | None

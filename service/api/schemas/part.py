"""Schemas of a part of the video: the parameters `from` and `to`, and the same in an answer."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from clips.part import WHOLE, Part

Moment = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PartQuery(BaseModel):
    """The parameters that choose a part of the video; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid")

    begin: Moment = Field(
        default=0.0, alias="from", description="Seconds from the video's first frame: only frames from then on are seen"
    )
    end: Moment | None = Field(
        default=None, alias="to", description="Seconds: only frames that begin before are seen; the end when not given"
    )

    @property
    def part(self) -> Part:
        """The part that is seen."""
        return Part(self.begin, self.end)

    @model_validator(mode="after")
    def _check_part(self) -> Self:
        if self.end is not None and self.end <= self.begin:
            raise PydanticCustomError("part", f"to must be greater than from, not {self.end:g} with {self.begin:g}")
        return self


class PartOfVideo(BaseModel):
    """The part of the video that was seen."""

    from_seconds: float
    to_seconds: float | None = Field(default=None, description="As asked for; left out where it was not")


def part_of_video(part: Part) -> PartOfVideo | None:
    """The part in an answer; None for all of a video."""
    return None if part == WHOLE else PartOfVideo(from_seconds=part.start, to_seconds=part.end)


def part_in(answer: PartOfVideo | None) -> Part:
    """The part that an answer is about."""
    return WHOLE if answer is None else Part(answer.from_seconds, answer.to_seconds)

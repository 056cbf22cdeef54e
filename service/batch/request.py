"""Options of a batch prediction, the same for every video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from clips.part import WHOLE, Part
from service.api.schemas.part import part_in
from service.api.schemas.predict import PredictionResponse


class Options(Protocol):
    """Options of a run, which all answers of one results file share; errors print them."""

    @classmethod
    def of_answer(cls, fields: Mapping[str, Any]) -> Self:
        """Read the options from the fields of an answer; raises ValueError for another kind of answer."""


@dataclass(frozen=True)
class PredictOptions:
    """Model and version by name, the number of actions, what is added to them, and the part of each video."""

    model: str
    version: str
    top_k: int
    stability: bool = False
    features: bool = False
    part: Part = WHOLE

    @classmethod
    def of_answer(cls, fields: Mapping[str, Any]) -> Self:
        """Read the options from the fields of a PredictionResponse; raises ValueError for other fields."""
        response = PredictionResponse.model_validate(fields)
        return cls(
            response.model.name,
            response.model.version,
            len(response.predictions),
            stability=response.stability is not None,
            features=response.features is not None,
            part=part_in(response.part),
        )

    def __str__(self) -> str:
        stability, features = ("with" if asked else "without" for asked in (self.stability, self.features))
        added = f"{stability} stability and {features} features"
        part = "" if self.part == WHOLE else f", {self.part}"
        return f"{self.top_k} actions by {self.model} {self.version}, {added}{part}"

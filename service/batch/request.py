"""Options of a batch prediction, the same for every video."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PredictOptions:
    """Model and version by name, the number of actions, and True for each of stability and features that is added."""

    model: str
    version: str
    top_k: int
    stability: bool = False
    features: bool = False

    def __str__(self) -> str:
        stability, features = ("with" if added else "without" for added in (self.stability, self.features))
        return f"{self.top_k} actions by {self.model} {self.version}, {stability} stability and {features} features"

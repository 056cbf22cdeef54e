"""What is asked about each of many videos."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PredictOptions:
    """A version of a model by name, how many actions to name, and whether to say how stable they are."""

    model: str
    version: str
    top_k: int
    stability: bool = False

    def __str__(self) -> str:
        stability = "with" if self.stability else "without"
        return f"{self.top_k} actions by {self.model} {self.version}, {stability} stability"

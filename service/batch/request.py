"""Options of a batch prediction, the same for every video."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PredictOptions:
    """Model and version by name, the number of actions to name, and whether to report their stability."""

    model: str
    version: str
    top_k: int
    stability: bool = False

    def __str__(self) -> str:
        stability = "with" if self.stability else "without"
        return f"{self.top_k} actions by {self.model} {self.version}, {stability} stability"

"""Made-up optimiser steps for tests of callbacks."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from training.engine.loops import Step


def make_step(number: int, **figures: float) -> Step:
    """Make a step whose other figures are all 0.25."""
    others: dict[str, Any] = {field.name: 0.25 for field in fields(Step)}
    return Step(**{**others, "number": number, **figures})

"""Percentiles of measurements."""

from __future__ import annotations


def percentile(values: list[float], percent: int) -> float:
    """Return the nearest-rank percentile; NaN for no values."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else float("nan")

"""Table of `make soak-live`: memory, CPU, and what half an hour of a stream with cuts cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.tables.markdown import percent, table


def soak(results: Mapping[str, Any]) -> str:
    """Return a row for each figure."""
    totals = results["totals"]
    begun, ended = results["resident_mb_after_warm_up"], results["resident_mb_at_end"]
    growth = percent(results["memory_growth"])
    rows = (
        ("resident memory", f"{begun:g} MB after the warm-up, {ended:g} MB at the end: {growth} more"),
        ("CPU", f"{percent(results['cpu_share_of_a_core'])} of a core"),
        ("frames", f"{totals['frames']:,}, {_number(totals['dropped_frames'])} dropped"),
        ("windows", f"{totals['windows']:,}, {_number(totals['dropped_windows'])} dropped"),
        ("cuts", f"{len(results['lost'])}; back {_pauses(results)} after the last frame"),
    )
    return table(("", ""), rows)


def _number(count: int) -> str:
    return f"{count:,}" if count else "none"


def _pauses(results: Mapping[str, Any]) -> str:
    pairs = zip(results["lost"], results["back"], strict=True)
    return " and ".join(f"{back['seconds'] - lost['seconds']:.1f} s" for lost, back in pairs)

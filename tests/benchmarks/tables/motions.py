"""Table of `make figures`: the demo model's accuracy on its motions, and on clips without a direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.tables.markdown import percent, table

NAMES = {
    "top-1, fresh rendered clips": "top-1, new rendered clips",
    "top-1, foreign clips": "top-1, cut-outs over real footage",
}


def motions(results: Mapping[str, Any]) -> str:
    """Return a row for each share of the clips, with its goal."""
    heading = (f"{results['clips']} clips each, encoded with H.264, MPEG-4, VP9 and MJPEG", "share", "goal")
    names = ((NAMES.get(each["name"], each["name"]), each) for each in results["figures"])
    return table(heading, ((name, percent(each["share"]), each["goal"]) for name, each in names))

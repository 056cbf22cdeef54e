"""Table of `make bench-ut`: accuracy by network and set, and with the frames in another order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.tables.markdown import percent, table
from tests.benchmarks.ut_interaction.figures import SETS, SetFigures, mean_of

NETWORKS = {
    "TIN": "TIN",
    "TSN": "TSN: the same convolutions, frames averaged",
    "TSM": "TSM: a fixed shift instead of a learned one",
}
PUBLISHED = ("published, whole clips", "", "", "85 % (Ryoo, 2011) to 98 % (arXiv 1811.00270, given the persons' boxes)")


def networks(results: Mapping[str, Any]) -> str:
    """Return a row for each network, the mean over its seeds, and the published range."""
    figures = [SetFigures(**each) for each in results["figures"]]
    rows = [
        (
            title,
            *(percent(mean_of(figures, network, name, "accuracy")) for name in (*SETS, "both")),
            *(percent(mean_of(figures, network, "both", order)) for order in ("shuffled", "reversed")),
        )
        for network, title in NETWORKS.items()
    ]
    heading = ("top-1", "set 1", "set 2", "both", "frames shuffled", "frames reversed")
    return table(heading, [*rows, (*PUBLISHED, "", "")])

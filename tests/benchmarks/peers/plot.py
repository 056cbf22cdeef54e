"""Picture of the comparison: answers a second with eight clients, a bar for each contender, a panel for each model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from training.reports.svg import element, text

LEFT, TOP, WIDTH, ROW = 120.0, 34.0, 250.0, 26.0
BAR = 16.0
PANEL = LEFT + WIDTH + 70
OURS, THEIRS, INK = "#2563a8", "#b9bec6", "#444444"
TITLES = {"demo": "demo model", "R50": "TIN-R50"}


def plot_rates(facts: Mapping[str, Any], load: str = "8 clients") -> str:
    """Draw the answers a second of a load; `facts` are those of the results' JSON."""
    panels = [
        mark
        for place, (model, figures) in enumerate(facts["models"].items())
        for mark in _panel(model, figures["loads"][load], place * PANEL)
    ]
    num_rows = max(len(figures["loads"][load]) for figures in facts["models"].values())
    size = f"0 0 {PANEL * len(facts['models']):.0f} {TOP + ROW * num_rows + 10:.0f}"
    font = {"font_family": "sans-serif", "font_size": 12, "fill": INK}
    return element("svg", *panels, viewBox=size, xmlns="http://www.w3.org/2000/svg", **font) + "\n"


def _panel(model: str, loads: Mapping[str, Mapping[str, Any]], left: float) -> Iterator[str]:
    most = max(load["rate"] for load in loads.values()) or 1.0
    yield text(f"{TITLES[model]}: answers a second", left + LEFT, TOP - 14, font_weight="bold")
    for place, (contender, load) in enumerate(sorted(loads.items(), key=lambda each: -each[1]["rate"])):
        top, width = TOP + ROW * place, WIDTH * load["rate"] / most
        colour = OURS if contender.startswith("tin-serve") else THEIRS
        yield text(contender, left + LEFT - 8, top + BAR - 4, text_anchor="end")
        yield element("rect", x=left + LEFT, y=top, width=width, height=BAR, fill=colour)
        yield text(f"{load['rate']:.1f}", left + LEFT + width + 6, top + BAR - 4)

"""Plot of the benchmark on UT-Interaction: accuracy by network and set, beside the published range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.benchmarks.ut_interaction.figures import SETS, SetFigures, mean_of
from training.reports.svg import element, text

PUBLISHED = (0.85, 0.98)
"""Accuracies of whole-clip recognition by this protocol: Ryoo (2011), and H-LSTCM (2018) with the persons' boxes."""

LEFT, TOP, WIDTH, HEIGHT = 48.0, 24.0, 420.0, 220.0
BAR, GAP = 22.0, 4.0
COLOURS = {"set1": "#2563a8", "set2": "#c2602d"}
GREY, INK = "#d8d8d8", "#444444"


def plot_accuracies(figures: Sequence[SetFigures]) -> str:
    """Draw a bar for each network and set, a dot for each seed, and the shares right with shuffled frames as lines."""
    networks = list(dict.fromkeys(each.network for each in figures))
    marks = [
        mark for place, network in enumerate(networks) for mark in _network(figures, network, place, len(networks))
    ]
    size = f"0 0 {LEFT + WIDTH + 180:.0f} {TOP + HEIGHT + 40:.0f}"
    font = {"font_family": "sans-serif", "font_size": 12, "fill": INK}
    drawing = [*_axis(), *marks, *_legend()]
    return element("svg", *drawing, viewBox=size, xmlns="http://www.w3.org/2000/svg", **font) + "\n"


def _row(share: float) -> float:
    return TOP + HEIGHT * (1 - share)


def _axis() -> Iterator[str]:
    low, high = PUBLISHED
    yield element("rect", x=LEFT, y=_row(high), width=WIDTH, height=_row(low) - _row(high), fill=GREY, fill_opacity=0.5)
    for percent in range(0, 101, 20):
        row = _row(percent / 100)
        yield element("line", x1=LEFT, x2=LEFT + WIDTH, y1=row, y2=row, stroke=GREY)
        yield text(f"{percent} %", LEFT - 6, row + 4, text_anchor="end")


def _network(figures: Sequence[SetFigures], network: str, place: int, count: int) -> Iterator[str]:
    middle = LEFT + WIDTH * (place + 0.5) / count
    yield text(network, middle, TOP + HEIGHT + 18, text_anchor="middle")
    for side, name in enumerate(SETS):
        chosen = [each for each in figures if (each.network, each.set) == (network, name)]
        if not chosen:
            continue
        left = middle + (side - 1) * (BAR + GAP) + GAP / 2
        top, shuffled = (_row(mean_of(chosen, network, name, order)) for order in ("accuracy", "shuffled"))
        yield element("rect", x=left, y=top, width=BAR, height=_row(0) - top, fill=COLOURS[name])
        yield element("line", x1=left, x2=left + BAR, y1=shuffled, y2=shuffled, stroke="#ffffff", stroke_width=2)
        for each in chosen:
            yield element("circle", cx=left + BAR / 2, cy=_row(each.accuracy), r=2.5, fill=INK)


def _legend() -> Iterator[str]:
    left = LEFT + WIDTH + 12
    for place, name in enumerate(SETS):
        yield element("rect", x=left, y=TOP + 20 * place, width=12, height=12, fill=COLOURS[name])
        yield text(name.replace("set", "set "), left + 18, TOP + 20 * place + 10)
    yield element("circle", cx=left + 6, cy=TOP + 46, r=2.5, fill=INK)
    yield text("a seed", left + 18, TOP + 50)
    yield element("line", x1=left, x2=left + 12, y1=TOP + 66, y2=TOP + 66, stroke=GREY, stroke_width=2)
    yield text("frames shuffled", left + 18, TOP + 70)
    yield element("rect", x=left, y=TOP + 80, width=12, height=12, fill=GREY, fill_opacity=0.5)
    yield text("published, {:.0%} to {:.0%}".format(*PUBLISHED), left + 18, TOP + 90)

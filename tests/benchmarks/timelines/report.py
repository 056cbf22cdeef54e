"""Report of the benchmark of timelines: figures of each set of films and rule, as a table, JSON types and a plot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.timelines.metrics import OVERLAPS, SegmentationFigures
from tests.benchmarks.timelines.predictions import TimelineChoice
from training.reports.svg import element, text

LEFT, TOP, WIDTH, HEIGHT = 48.0, 24.0, 680.0, 220.0
BAR, GAP = 14.0, 3.0
COLOURS = {"plain": "#9a9a9a", "threshold": "#c2602d", "default": "#2563a8", "tuned": "#2b7a3a"}
GREY, INK = "#d8d8d8", "#444444"


@dataclass(frozen=True)
class RuleFigures:
    """Figures of one rule over one set of films."""

    films: str
    rule: str
    choice: TimelineChoice
    figures: SegmentationFigures

    def to_json(self) -> dict[str, Any]:
        """The figures as plain JSON types."""
        counts = {"true_segments": self.figures.true, "predicted_segments": self.figures.predicted}
        f1 = {f"f1_at_{overlap:g}": round(self.figures.f1(overlap), 4) for overlap in OVERLAPS}
        accuracy = round(self.figures.accuracy, 4)
        return {
            "films": self.films,
            "rule": self.rule,
            **asdict(self.choice),
            **counts,
            **f1,
            "frame_accuracy": accuracy,
        }


def print_table(rows: Sequence[RuleFigures]) -> None:
    """Print the figures in percent."""
    table = Table(
        "films", "rule", "window", "step", "threshold", *(f"F1@{overlap:g}" for overlap in OVERLAPS), "frames"
    )
    for row in rows:
        choice, figures = row.choice, row.figures
        shares = [*map(figures.f1, OVERLAPS), figures.accuracy]
        parameters = (f"{choice.window_seconds:g}", f"{choice.step_seconds:g}", f"{choice.min_probability:.2f}")
        table.add_row(row.films, row.rule, *parameters, *(f"{share:.1%}" for share in shares))
    Console().print(table)


def plot(rows: Sequence[RuleFigures]) -> str:
    """Draw F1 at 0.1, 0.25 and 0.5 and the frame accuracy of each rule in COLOURS, by set of films."""
    sets = list(dict.fromkeys(row.films for row in rows))
    columns = [(films, name) for films in sets for name in (*(f"{overlap:g}" for overlap in OVERLAPS), "frames")]
    by_place: Mapping[tuple[str, str], SegmentationFigures] = {(row.films, row.rule): row.figures for row in rows}
    bars = [
        mark
        for place, (films, name) in enumerate(columns)
        for mark in _column(place, len(columns), name, {rule: by_place[films, rule] for rule in COLOURS})
    ]
    titles = [
        text(films, LEFT + WIDTH * (place + 0.5) / len(sets), TOP + HEIGHT + 38, text_anchor="middle")
        for place, films in enumerate(sets)
    ]
    size = f"0 0 {LEFT + WIDTH + 130:.0f} {TOP + HEIGHT + 52:.0f}"
    font = {"font_family": "sans-serif", "font_size": 12, "fill": INK}
    drawing = [*_axis(), *bars, *titles, *_legend()]
    return element("svg", *drawing, viewBox=size, xmlns="http://www.w3.org/2000/svg", **font) + "\n"


def _row(share: float) -> float:
    return TOP + HEIGHT * (1 - share)


def _axis() -> Iterator[str]:
    for percent in range(0, 101, 20):
        row = _row(percent / 100)
        yield element("line", x1=LEFT, x2=LEFT + WIDTH, y1=row, y2=row, stroke=GREY)
        yield text(f"{percent} %", LEFT - 6, row + 4, text_anchor="end")


def _column(place: int, count: int, name: str, by_rule: Mapping[str, SegmentationFigures]) -> Iterator[str]:
    middle = LEFT + WIDTH * (place + 0.5) / count
    width = min(BAR, (WIDTH / count - 8) / len(by_rule) - GAP)
    left = middle - len(by_rule) * (width + GAP) / 2
    label = name if name == "frames" else f"F1@{name}"
    yield text(label, middle, TOP + HEIGHT + 18, text_anchor="middle", font_size=10)
    for rule, figures in by_rule.items():
        share = figures.accuracy if name == "frames" else figures.f1(float(name))
        bar = {"x": left, "y": _row(share), "width": width, "height": _row(0) - _row(share)}
        yield element("rect", element("title", f"{rule}: {share:.1%}"), **bar, fill=COLOURS[rule])
        left += width + GAP


def _legend() -> Iterator[str]:
    left = LEFT + WIDTH + 16
    for place, (rule, colour) in enumerate(COLOURS.items()):
        yield element("rect", x=left, y=TOP + 20 * place, width=12, height=12, fill=colour)
        yield text(rule, left + 18, TOP + 20 * place + 10)

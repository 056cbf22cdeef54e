"""Confusion matrix: clips by label and answer, each class's precision and recall, and the matrix as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.reports.svg import clipped, element, text, title

MOST_WITH_COUNTS = 24
"""Classes up to which the cells have room for their counts."""


@dataclass(frozen=True)
class ClassRow:
    """One class: its clips, those answered right, and precision and recall; None where there is nothing to divide."""

    label: str
    clips: int
    right: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Confusion:
    """Clips of one class that were taken for another."""

    label: str
    answer: str
    clips: int


@dataclass(frozen=True)
class ConfusionMatrix:
    """Counts int64 [K, K] of clips, by their label (row) and the answer (column), of K classes."""

    counts: NDArray[np.int64]
    labels: tuple[str, ...]

    @classmethod
    def of(
        cls, labels: NDArray[np.integer], answers: NDArray[np.integer], class_names: Sequence[str]
    ) -> ConfusionMatrix:
        """Count labels [N] against answers [N]."""
        counts = np.zeros((len(class_names), len(class_names)), np.int64)
        np.add.at(counts, (labels, answers), 1)
        return cls(counts, tuple(class_names))

    def class_rows(self) -> Iterator[ClassRow]:
        """Yield each class's figures, in the order of the classes."""
        totals, answered, right = self.counts.sum(1), self.counts.sum(0), self.counts.diagonal()
        for label, clips, named, hits in zip(self.labels, totals, answered, right, strict=True):
            yield ClassRow(label, int(clips), int(hits), _share(hits, named), _share(hits, clips))

    def most_confused(self, count: int) -> list[Confusion]:
        """Return the most frequent confusions, the most frequent first."""
        mistakes = self.counts - np.diag(self.counts.diagonal())
        order = np.argsort(-mistakes, axis=None, kind="stable")[:count]
        pairs = (divmod(int(cell), len(self.labels)) for cell in order)
        return [
            Confusion(self.labels[row], self.labels[column], int(mistakes[row, column]))
            for row, column in pairs
            if mistakes[row, column]
        ]

    def to_svg(self) -> str:
        """Draw the matrix; a cell is as strong as its share of the row's clips, and names itself under the pointer."""
        return _Drawing(self).to_svg()


@dataclass(frozen=True)
class _Drawing:
    """Measures of the picture, in its own units, and its parts."""

    matrix: ConfusionMatrix

    @property
    def cell(self) -> float:
        return min(max(640 / len(self.matrix.labels), 10), 56)

    @property
    def font(self) -> float:
        return min(max(self.cell * 0.8, 8), 13)

    @property
    def margin(self) -> float:
        longest = max(len(clipped(label)) for label in self.matrix.labels)
        return longest * self.font * 0.58 + 12

    @property
    def side(self) -> float:
        return self.cell * len(self.matrix.labels)

    def to_svg(self) -> str:
        size = self.margin + self.side + 2
        content = [self._frame(), *self._names(), *self._cells()]
        return element(
            "svg",
            *content,
            viewBox=f"0 0 {size:.0f} {size:.0f}",
            width=f"{size:.0f}",
            height=f"{size:.0f}",
            role="img",
            aria_label="Confusion matrix: rows are labels, columns are answers",
        )

    def _frame(self) -> str:
        box = {"x": self.margin, "y": self.margin, "width": self.side, "height": self.side}
        return element("rect", class_="frame", **box)

    def _names(self) -> Iterator[str]:
        edge = self.margin - 6
        for number, label in enumerate(self.matrix.labels):
            middle = self.margin + (number + 0.5) * self.cell
            style = {"font_size": f"{self.font:.1f}", "dominant_baseline": "central"}
            yield text(clipped(label), edge, middle, title(label), text_anchor="end", **style)
            turn = f"rotate(-90 {middle:.1f} {edge:.1f})"
            yield text(clipped(label), middle, edge, title(label), transform=turn, **style)

    def _cells(self) -> Iterator[str]:
        shares = self.matrix.counts / np.maximum(self.matrix.counts.sum(1, keepdims=True), 1)
        for row, column in np.argwhere(self.matrix.counts):
            yield self._cell(int(row), int(column), float(shares[row, column]))

    def _cell(self, row: int, column: int, share: float) -> str:
        left, top = self.margin + column * self.cell, self.margin + row * self.cell
        kind = "right" if row == column else "wrong"
        count, labels = int(self.matrix.counts[row, column]), self.matrix.labels
        words = f"{labels[row]}, answered {labels[column]}: {count} ({share:.0%})"
        box = {"x": left, "y": top, "width": self.cell, "height": self.cell}
        square = element("rect", title(words), class_=kind, fill_opacity=f"{0.15 + 0.85 * share:.2f}", **box)
        if len(labels) > MOST_WITH_COUNTS:
            return square
        middle = {"text_anchor": "middle", "dominant_baseline": "central", "font_size": f"{self.font:.1f}"}
        style = "count strong" if share > 0.5 else "count"
        return square + text(str(count), left + self.cell / 2, top + self.cell / 2, class_=style, **middle)


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None

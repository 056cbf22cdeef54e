"""Reliability: the probability of the top-1 answers beside the share of them that is right, and their difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.reports.svg import element, text, title

NUM_BINS = 10
SIDE = 300
MARGIN = 44


@dataclass(frozen=True)
class Bin:
    """Answers whose probability is above `low` and up to `high`: their mean probability, and the share that is right.

    Both are None for a bin without answers.
    """

    low: float
    high: float
    clips: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Reliability:
    """Bins of equal width over the probability of the top-1 answer."""

    bins: tuple[Bin, ...]

    @classmethod
    def of(cls, probabilities: NDArray[np.float64], labels: NDArray[np.integer]) -> Reliability:
        """Sort answers [N, K] to labels [N] into bins."""
        confidences = probabilities.max(1)
        right = probabilities.argmax(1) == labels
        numbers = np.clip(np.ceil(confidences * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
        return cls(tuple(_bin(number, confidences[numbers == number], right[numbers == number]) for number in _NUMBERS))

    @property
    def expected_calibration_error(self) -> float:
        """Mean over the clips of the difference between confidence and accuracy of their bin, from 0 to 1."""
        total = sum(each.clips for each in self.bins)
        gaps = (each.clips * abs(_gap(each)) for each in self.bins)
        return sum(gaps) / total

    def to_svg(self) -> str:
        """Draw accuracy over probability: bars of the bins, beside the diagonal of a calibrated model."""
        size = SIDE + 2 * MARGIN
        parts = [*self._grid(), *(_bar(each) for each in self.bins if each.clips), _diagonal(), *_titles()]
        label = "Reliability diagram: accuracy over the probability of the answer"
        box = {"viewBox": f"0 0 {size} {size}", "width": size, "height": size}
        return element("svg", *parts, role="img", aria_label=label, **box)

    def _grid(self) -> Iterator[str]:
        yield element("rect", class_="frame", x=MARGIN, y=MARGIN, width=SIDE, height=SIDE)
        for share in (0, 0.25, 0.5, 0.75, 1):
            yield text(f"{share:.0%}", _x(share), MARGIN + SIDE + 16, text_anchor="middle", font_size=11)
            yield text(
                f"{share:.0%}", MARGIN - 6, _y(share), text_anchor="end", dominant_baseline="central", font_size=11
            )


_NUMBERS = range(NUM_BINS)


def _bin(number: int, confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> Bin:
    low, high = number / NUM_BINS, (number + 1) / NUM_BINS
    if not len(right):
        return Bin(low, high, 0, None, None)
    return Bin(low, high, len(right), float(confidences.mean()), float(right.mean()))


def _gap(each: Bin) -> float:
    return (each.confidence or 0.0) - (each.accuracy or 0.0)


def _bar(each: Bin) -> str:
    accuracy, confidence = each.accuracy or 0.0, each.confidence or 0.0
    words = f"{each.clips} clips: {confidence:.0%} on average, {accuracy:.0%} right"
    box = {"x": _x(each.low) + 1, "width": SIDE / NUM_BINS - 2}
    bar = element(
        "rect", title(words), class_="right", y=_y(accuracy), height=SIDE * accuracy, fill_opacity=0.75, **box
    )
    mark = element("circle", title(words), class_="mark", cx=_x(confidence), cy=_y(accuracy), r=4)
    count = text(str(each.clips), _x((each.low + each.high) / 2), MARGIN - 6, text_anchor="middle", font_size=10)
    return bar + mark + count


def _diagonal() -> str:
    return element("line", class_="diagonal", x1=_x(0), y1=_y(0), x2=_x(1), y2=_y(1))


def _titles() -> Iterator[str]:
    middle = MARGIN + SIDE / 2
    yield text("probability of the answer", middle, MARGIN + SIDE + 34, text_anchor="middle", font_size=12)
    turn = f"rotate(-90 12 {middle})"
    yield text("share that is right", 12, middle, text_anchor="middle", font_size=12, transform=turn)
    yield text("clips", middle, MARGIN - 24, text_anchor="middle", font_size=11)


def _x(share: float) -> float:
    return MARGIN + SIDE * share


def _y(share: float) -> float:
    return MARGIN + SIDE * (1 - share)

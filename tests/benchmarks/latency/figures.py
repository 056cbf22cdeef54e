"""Figures of the benchmark: those of a round, and their medians over the rounds with the goals."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

ONE_CORE, ONE_THREAD, TWO_CORES = "one core", "two cores, one thread", "two cores"
"""The services: today's on one core and on two, and on two cores with one thread a video."""

SPEEDUP, THROUGHPUT = 1.7, 0.98
"""Goals: one core's time over that of two, and the rate of four clients over that with one thread a video."""


@dataclass(frozen=True)
class Round:
    """Medians of one round: milliseconds of an answer, and answers per second, by clip and service.

    `both` has the milliseconds until two videos, sent at once, are answered by two cores, one thread a video.
    """

    milliseconds: dict[str, dict[str, float]]
    rates: dict[str, dict[str, float]]
    both: dict[str, float]


@dataclass(frozen=True)
class Goal:
    """A measured ratio, the least that is wanted, and the most that there is on this machine where that is known."""

    name: str
    value: float
    bound: float
    most: float | None = None

    @property
    def is_met(self) -> bool:
        """True if the value reaches the bound."""
        return self.value >= self.bound


def goals_of(rounds: Sequence[Round]) -> list[Goal]:
    """Return the goals of each clip, with the medians of the rounds' ratios."""
    speedups = {clip: _ratio(times_of(rounds, clip), ONE_CORE, TWO_CORES) for clip in rounds[0].milliseconds}
    rates = {clip: _ratio(rates_of(rounds, clip), TWO_CORES, ONE_THREAD) for clip in rounds[0].rates}
    return [
        *(Goal(f"{clip}: one core / two", ratio, SPEEDUP, most_of(rounds, clip)) for clip, ratio in speedups.items()),
        *(Goal(f"{clip}: throughput", ratio, THROUGHPUT) for clip, ratio in rates.items()),
    ]


def most_of(rounds: Sequence[Round], clip: str) -> float:
    """Return the speed-up of two cores over one with two videos, which share nothing: the most for one video."""
    return statistics.median(2 * each.milliseconds[clip][ONE_CORE] / each.both[clip] for each in rounds)


def times_of(rounds: Sequence[Round], clip: str) -> list[dict[str, float]]:
    """Return milliseconds by service for each round."""
    return [each.milliseconds[clip] for each in rounds]


def rates_of(rounds: Sequence[Round], clip: str) -> list[dict[str, float]]:
    """Return answers per second by service for each round."""
    return [each.rates[clip] for each in rounds]


def medians(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median over rounds for each service."""
    return {name: statistics.median(each[name] for each in figures) for name in figures[0]}


def _ratio(figures: Sequence[dict[str, float]], above: str, below: str) -> float:
    return statistics.median(each[above] / each[below] for each in figures)

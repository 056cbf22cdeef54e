"""Figures of the benchmark on UT-Interaction: accuracies by network, seed and set, and their tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

SETS = ("set1", "set2")


@dataclass(frozen=True)
class SetFigures:
    """Shares of a set's clips that a network with one seed answered right, and the minutes of its folds."""

    network: str
    seed: int
    set: str
    clips: int
    accuracy: float
    shuffled: float
    reversed: float
    minutes_per_fold: float
    cpu_minutes_per_fold: float
    confusion: list[list[int]]


def mean_of(figures: Sequence[SetFigures], network: str, name: str, order: str) -> float:
    """Return a network's mean share over the seeds in a set, or over both sets' clips for "both"; NaN without any."""
    chosen = [each for each in figures if each.network == network and name in {each.set, "both"}]
    right = sum(float(getattr(each, order)) * each.clips for each in chosen)
    return right / sum(each.clips for each in chosen) if chosen else math.nan


def print_table(figures: Sequence[SetFigures]) -> None:
    """Print accuracies by set, the controls, and the minutes of a fold."""
    table = Table("network", "set 1", "set 2", "both", "shuffled", "reversed", "minutes a fold")
    for network in dict.fromkeys(each.network for each in figures):
        accuracies = [mean_of(figures, network, name, "accuracy") for name in (*SETS, "both")]
        controls = [mean_of(figures, network, "both", order) for order in ("shuffled", "reversed")]
        minutes = statistics.fmean(each.minutes_per_fold for each in figures if each.network == network)
        table.add_row(network, *map(_percent, (*accuracies, *controls)), f"{minutes:.1f}")
    Console().print(table)


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.1%}"


def print_confusions(figures: Sequence[SetFigures], labels: Sequence[str]) -> None:
    """Print the confusion matrix of each network over all sets and seeds; rows are the labels."""
    for network in dict.fromkeys(each.network for each in figures):
        counts = np.sum([each.confusion for each in figures if each.network == network], axis=0)
        table = Table(network, *labels)
        for label, row in zip(labels, counts, strict=True):
            table.add_row(label, *map(str, row))
        Console().print(table)

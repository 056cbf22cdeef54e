"""Cross validation: one training run for each fold, each measured on the clips that it did not see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np

from training.finetune.fold_processes import FoldProcesses
from training.finetune.listeners.events import Listener, Stage
from training.finetune.run import Run, score_run, train_run
from training.lists.clip_set import LabelledClip
from training.lists.splits import Split, leave_one_group_out, make_folds
from training.reports.confusion_matrix import ConfusionMatrix

FIGURES_FILE = "cross_validation.json"


@dataclass(frozen=True)
class Folds:
    """The wanted folds: a number of them, or one for each group."""

    count: int | None = None

    def splits(self, clips: Sequence[LabelledClip], seed: int) -> tuple[Split, ...]:
        """Split clips into a fold's training and measured clips, for each fold. Raises SplitError."""
        return leave_one_group_out(clips) if self.count is None else make_folds(clips, self.count, seed=seed)

    def group_of(self, split: Split) -> str | None:
        """Return the group of a fold's measured clips; None for folds by number."""
        return split.val[0].group if self.count is None else None


@dataclass(frozen=True)
class FoldRun:
    """The run of a fold, its training steps, and its group where the fold is one."""

    run: Run
    steps: int
    group: str | None


@dataclass(frozen=True)
class FoldResult:
    """A fold's clips, those answered right, and its group where the fold is one."""

    clips: int
    right: int
    group: str | None = None

    @classmethod
    def of(cls, confusion: ConfusionMatrix, group: str | None) -> FoldResult:
        """Count a fold's clips, and those answered right."""
        return cls(int(confusion.counts.sum()), int(confusion.counts.trace()), group)

    @property
    def accuracy(self) -> float:
        """Top-1 accuracy as a share."""
        return self.right / self.clips


@dataclass(frozen=True)
class CrossValidation:
    """The results of all folds, and all their answers together."""

    folds: tuple[FoldResult, ...]
    confusion: ConfusionMatrix

    @property
    def mean(self) -> float:
        """Mean of the folds' accuracies."""
        return fmean(fold.accuracy for fold in self.folds)

    @property
    def spread(self) -> float:
        """Standard deviation of the folds' accuracies."""
        return stdev(fold.accuracy for fold in self.folds)

    @property
    def pooled(self) -> float:
        """Share of all clips that were answered right."""
        return sum(fold.right for fold in self.folds) / sum(fold.clips for fold in self.folds)

    def confusion_lines(self) -> Iterator[str]:
        """Yield a line for each class: the clips answered right, and those taken for other classes."""
        for row, counts in zip(self.confusion.class_rows(), self.confusion.counts, strict=True):
            others = zip(self.confusion.labels, counts, strict=True)
            taken = [f"{count} for {label}" for label, count in others if count and label != row.label]
            yield f"{row.label}: {row.right} of {row.clips} right" + (f"; taken {', '.join(taken)}" if taken else "")

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON types."""
        return {
            "mean": self.mean,
            "spread": self.spread,
            "pooled": self.pooled,
            "folds": [asdict(fold) | {"accuracy": fold.accuracy} for fold in self.folds],
            "labels": self.confusion.labels,
            "confusion_matrix": self.confusion.counts.tolist(),
            "classes": [asdict(row) for row in self.confusion.class_rows()],
        }


def folds_at_a_time(folds: Sequence[FoldRun], threads: int) -> int:
    """Return the number of folds that share so many threads of torch; at least one."""
    return max(1, threads // folds[0].run.settings.threads)


def measure_folds(folds: Sequence[FoldRun], processes: int, listener: Listener) -> CrossValidation:
    """Train the run of each fold, and measure its last checkpoint on the fold's clips.

    Nothing is chosen by these clips: neither an epoch nor a temperature.

    Args:
        folds: The runs.
        processes: Folds that are trained at a time.
        listener: Told of the progress.

    Raises:
        BadInput, Stopped, OSError: A fold failed.
    """
    listener.tell(Stage("train", f"{len(folds)} folds, {min(processes, len(folds))} at a time"))
    measured: dict[int, ConfusionMatrix] = {}
    with listener.follow("folds", sum(fold.steps for fold in folds), 0) as progress:
        work = FoldProcesses(train_and_score, [fold.run for fold in folds], count=processes, progress=progress)
        for number, measured[number] in work.results():
            progress.on_message(_describe(number, FoldResult.of(measured[number], folds[number].group)))
    results = tuple(FoldResult.of(measured[number], fold.group) for number, fold in enumerate(folds))
    counts = np.sum([confusion.counts for confusion in measured.values()], axis=0)
    return CrossValidation(results, ConfusionMatrix(counts, measured[0].labels))


def train_and_score(run: Run, listener: Listener) -> ConfusionMatrix:
    """Train the run of a fold, and count its answers to the fold's clips. Raises BadInput, Stopped and OSError."""
    train_run(run, listener)
    done = score_run(run)
    return ConfusionMatrix.of(done.scores.labels, done.scores.probabilities.argmax(1), done.source.labels)


def _describe(number: int, result: FoldResult) -> str:
    name = f"fold {number + 1} ({result.group})" if result.group else f"fold {number + 1}"
    return f"{name}: {result.right} of {result.clips} right, {result.accuracy:.1%}"

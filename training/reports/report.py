"""Report of an evaluation: accuracy, classes, confusions, calibration, controls and the worst clips."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from training.engine.evaluation import ClipScores, Metric
from training.reports.confusion_matrix import ConfusionMatrix
from training.reports.controls import Controls
from training.reports.reliability import Reliability
from training.reports.worst_clips import WorstClip

MOST_CONFUSIONS = 10
NUM_WORST_CLIPS = 12


@dataclass(frozen=True)
class Report:
    """Everything that the page shows, in the order of the page.

    `facts` are those of the command's `--out`: checkpoint, protocol, views, time per clip.
    """

    recipe: str
    labels: tuple[str, ...]
    controls: Controls
    worst: tuple[WorstClip, ...]
    facts: dict[str, Any]

    @property
    def scores(self) -> ClipScores:
        """Scores of the clips with their frames in order."""
        return self.controls.sampled

    @property
    def figures(self) -> dict[str, float]:
        """Accuracies as shares, by MMAction2's names."""
        return self.scores.measure(Metric)

    @property
    def control_accuracy(self) -> dict[str, float]:
        """Top-1 accuracy by the order of the frames."""
        orders = {
            "sampled": self.controls.sampled,
            "shuffled": self.controls.shuffled,
            "reversed": self.controls.reversed,
        }
        return {name: scores.measure([Metric.TOP_K_ACCURACY])["top1_acc"] for name, scores in orders.items()}

    @cached_property
    def confusion(self) -> ConfusionMatrix:
        """Labels against answers."""
        return ConfusionMatrix.of(self.scores.labels, self.scores.probabilities.argmax(1), self.labels)

    @cached_property
    def reliability(self) -> Reliability:
        """Probabilities against accuracy."""
        return Reliability.of(self.scores.probabilities, self.scores.labels)

    def to_json(self) -> dict[str, Any]:
        """Return the report's figures for JSON; the strips of the worst clips are on the page alone."""
        return {
            "recipe": self.recipe,
            **self.facts,
            **self.figures,
            "labels": self.labels,
            "classes": [asdict(row) for row in self.confusion.class_rows()],
            "confusion_matrix": self.confusion.counts.tolist(),
            "most_confused": [asdict(each) for each in self.confusion.most_confused(MOST_CONFUSIONS)],
            "temperature": self.scores.temperature,
            "expected_calibration_error": self.reliability.expected_calibration_error,
            "reliability": [asdict(each) for each in self.reliability.bins],
            "controls": self.control_accuracy,
            "worst_clips": [_without_strip(clip) for clip in self.worst],
        }


def _without_strip(clip: WorstClip) -> dict[str, Any]:
    return {name: value for name, value in asdict(clip).items() if name != "strip"}

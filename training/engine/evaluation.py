"""How good a network is: its scores for every clip of a validation set, and the metrics of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from torch import nn

from training.data.batch import NO_LABEL, Batch
from training.engine.distributed import Processes
from training.engine.loops import evaluate
from training.engine.metrics import average_clips, mean_class_accuracy, top_k_accuracy


class Metric(StrEnum):
    """What can be measured, by MMAction2's names."""

    TOP_K_ACCURACY = "top_k_accuracy"
    MEAN_CLASS_ACCURACY = "mean_class_accuracy"


@dataclass(frozen=True)
class ClipScores:
    """Probabilities float64 [N, K] and labels int64 [N] of the clips that could be read, in the list's order."""

    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]

    def measure(self, metrics: Iterable[Metric]) -> dict[str, float]:
        """Shares from 0 to 1, under MMAction2's names."""
        figures: dict[str, float] = {}
        for metric in metrics:
            match metric:
                case Metric.TOP_K_ACCURACY:
                    for k in (1, 5):
                        figures[f"top{k}_acc"] = top_k_accuracy(self.probabilities, self.labels, k)
                case Metric.MEAN_CLASS_ACCURACY:
                    figures["mean_class_accuracy"] = mean_class_accuracy(self.probabilities, self.labels)
        return figures


def score_clips(model: nn.Module, normalise: nn.Module, batches: Iterable[Batch], processes: Processes) -> ClipScores:
    """Score this process's share of the batches, and put every process's together."""
    own = [
        (average_clips(logits.numpy(), "prob"), labels.numpy())
        for logits, labels in evaluate(model, normalise, batches)
    ]
    probabilities, labels = (np.concatenate(parts) for parts in zip(*processes.interleave(own), strict=True))
    readable = labels != NO_LABEL
    return ClipScores(probabilities[readable], labels[readable])

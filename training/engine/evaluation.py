"""Evaluation: a network's scores for every clip of a validation set, and metrics over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import nn

from clips.scores import average_views
from training.data.batch import NO_LABEL, Batch
from training.engine.distributed import Processes
from training.engine.loops import evaluate
from training.engine.metrics import cross_entropy, mean_class_accuracy, top_k_accuracy


class Metric(StrEnum):
    """Metrics, by MMAction2's names."""

    TOP_K_ACCURACY = "top_k_accuracy"
    MEAN_CLASS_ACCURACY = "mean_class_accuracy"


@dataclass(frozen=True)
class ClipScores:
    """Logits float32 [N, V, K] and labels int64 [N] of the readable clips, in the order of the list.

    `indices` int64 [N] are their places in the list; `temperature` divides the logits before the softmax.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    indices: NDArray[np.int64]
    temperature: float = 1.0

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Probabilities float64 [N, K], averaged over the views as they are served."""
        return average_views(self.logits, self.temperature)

    @property
    def loss(self) -> float:
        """Mean cross-entropy of the probabilities, in nats."""
        return cross_entropy(self.probabilities, self.labels)

    def with_temperature(self, temperature: float) -> ClipScores:
        """Return the scores with another temperature."""
        return replace(self, temperature=temperature)

    def with_logits(self, logits: NDArray[np.float32]) -> ClipScores:
        """Return other logits [N, V, K] of the same clips."""
        return replace(self, logits=logits)

    def of_first_classes(self, count: int) -> ClipScores:
        """Return the scores without the classes after the first ones, such as those of a second task."""
        return self.with_logits(self.logits[..., :count])

    def measure(self, metrics: Iterable[Metric]) -> dict[str, float]:
        """Compute metrics as shares from 0 to 1, by MMAction2's names: top1_acc, top5_acc, mean_class_accuracy.

        Top-5 is left out where it means nothing, below six classes.
        """
        num_classes = self.logits.shape[-1]
        figures: dict[str, float] = {}
        for metric in metrics:
            match metric:
                case Metric.TOP_K_ACCURACY:
                    for k in (1, 5) if num_classes > 5 else (1,):
                        figures[f"top{k}_acc"] = top_k_accuracy(self.probabilities, self.labels, k)
                case Metric.MEAN_CLASS_ACCURACY:
                    figures["mean_class_accuracy"] = mean_class_accuracy(self.probabilities, self.labels)
        return figures


@dataclass(frozen=True)
class Cost:
    """Cost of an evaluation: views of each clip, clips, wall-clock seconds, and orders in which each view was seen."""

    num_views: int
    num_clips: int
    seconds: float
    num_orders: int = 1

    @property
    def forward_passes(self) -> int:
        """Model inputs of all clips together."""
        return self.num_views * self.num_clips * self.num_orders

    @property
    def seconds_per_clip(self) -> float:
        """Mean wall-clock seconds, reading and transforms included."""
        return self.seconds / self.num_clips


def score_clips(model: nn.Module, normalise: nn.Module, batches: Iterable[Batch], processes: Processes) -> ClipScores:
    """Score this process's share of the batches and gather every process's scores.

    Args:
        model: The network.
        normalise: The module from uint8 clips to the network's input.
        batches: This process's batches of views, uint8 [N, V, T, H, W, 3].
        processes: The processes among which the batches were dealt.
    """
    own = [(logits.numpy(), labels.numpy()) for logits, labels in evaluate(model, normalise, batches)]
    logits, labels = (np.concatenate(parts) for parts in zip(*processes.interleave(own), strict=True))
    readable = np.flatnonzero(labels != NO_LABEL)
    return ClipScores(logits[readable], labels[readable], readable)

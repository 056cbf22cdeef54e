"""The best validation of a run so far, for the best checkpoint and for early stopping."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

LEAST_STEP = 1e-3
"""Least difference of losses, in nats, that counts: a set without a mistake has a falling loss for ever."""


@dataclass(frozen=True)
class BestValidation:
    """Top-1 accuracy, loss and epoch (from 1) of a run's best validation, and the number of validations since.

    A validation is better with a higher accuracy. Of equal ones, which are frequent in small sets, it is better with a
    loss that is lower by more than `LEAST_STEP`.
    """

    accuracy: float = -math.inf
    loss: float = math.inf
    epoch: int = 0
    validations_since: int = 0

    def after(self, metrics: Mapping[str, float], epoch: int) -> BestValidation:
        """Return the best one after another validation, whose metrics have `top1_acc` and `loss`."""
        accuracy, loss = metrics["top1_acc"], metrics["loss"]
        is_surer = accuracy == self.accuracy and loss < self.loss - LEAST_STEP
        if accuracy > self.accuracy or is_surer:
            return BestValidation(accuracy, loss, epoch)
        return replace(self, validations_since=self.validations_since + 1)

"""The best validation of a run so far, for the best checkpoint and for early stopping."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class BestValidation:
    """Top-1 accuracy, loss and epoch (from 1) of a run's best validation, and the number of validations since.

    A validation is better with a higher accuracy, or with the same one, which is frequent in small sets, and a lower
    loss.
    """

    accuracy: float = -math.inf
    loss: float = math.inf
    epoch: int = 0
    validations_since: int = 0

    def after(self, metrics: Mapping[str, float], epoch: int) -> BestValidation:
        """Return the best one after another validation, whose metrics have `top1_acc` and `loss`."""
        accuracy, loss = metrics["top1_acc"], metrics["loss"]
        if (accuracy, -loss) > (self.accuracy, -self.loss):
            return BestValidation(accuracy, loss, epoch)
        return replace(self, validations_since=self.validations_since + 1)

import math

import pytest

from training.engine.best_validation import BestValidation


def after(*validations):
    best = BestValidation()
    for epoch, (accuracy, loss) in enumerate(validations, start=1):
        best = best.after({"top1_acc": accuracy, "loss": loss}, epoch)
    return best


@pytest.mark.parametrize(
    ("validations", "epoch", "since"),
    [
        ([], 0, 0),
        ([(0.0, 9.0)], 1, 0),
        ([(0.5, 1.0), (0.6, 2.0)], 2, 0),
        ([(0.5, 1.0), (0.5, 0.9), (0.5, 0.9), (0.4, 0.1)], 2, 2),
        ([(1.0, 0.004), (1.0, 0.002), (1.0, 0.0012), (1.0, 0.0011), (1.0, 0.0009)], 5, 0),
        ([(0.5, 1.0), (0.5, math.nan)], 1, 1),
    ],
    ids=["none", "first", "more accurate", "as accurate with a lower loss", "small steps", "not a number"],
)
def test_the_best_is_the_most_accurate_and_of_those_the_surest(validations, epoch, since):
    best = after(*validations)
    assert (best.epoch, best.validations_since) == (epoch, since)

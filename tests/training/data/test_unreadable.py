from pathlib import Path

import pytest
import torch

from training.data.batch import Batch
from training.data.readers import UnreadableItem
from training.data.unreadable import TooManyUnreadable, UnreadableTally


def batch_without(*names):
    errors = tuple(UnreadableItem(Path(name), "it is broken") for name in names)
    return Batch(torch.zeros(1), torch.zeros(1, dtype=torch.int64), errors)


def test_each_item_is_reported_and_counted_once():
    lines: list[str] = []
    tally = UnreadableTally(2, lines.append)
    for _ in range(3):
        assert len(list(tally.watch([batch_without("a", "b"), batch_without(), batch_without("a")]))) == 3
    assert lines == ["a: it is broken", "b: it is broken"]


def test_past_the_limit_the_batch_is_not_handed_out():
    tally = UnreadableTally(1, lambda line: None)
    batches = tally.watch([batch_without("a"), batch_without("b", "c")])
    next(batches)
    with pytest.raises(TooManyUnreadable, match=r"^2 .* limit is 1.*b: it is broken"):
        next(batches)

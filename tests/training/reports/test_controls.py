"""Controls: the frames of each clip shuffled and reversed."""

import numpy as np
import torch

from training.data.batch import Batch
from training.engine.distributed import Processes
from training.engine.evaluation import ClipScores
from training.reports.controls import Controls, with_controls


def batches(count):
    """Batches of 2 clips of 3 views of 8 frames; every frame has its own number."""
    size = 2 * 3 * 8
    return [
        Batch(torch.arange(size * i, size * (i + 1)).reshape(2, 3, 8, 1, 1, 1), torch.tensor([0, 1]))
        for i in range(count)
    ]


def process(rank, world_size):
    return Processes(torch.device("cpu"), rank, world_size=world_size)


def test_the_views_are_followed_by_shuffled_and_by_reversed_ones():
    (given,) = batches(1)
    (batch,) = with_controls([given], process(0, 1))
    sampled, shuffled, backwards = batch.clips.split(3, dim=1)
    assert torch.equal(sampled, given.clips)
    assert torch.equal(backwards[:, :, 0], given.clips[:, :, 7])
    assert torch.equal(backwards.flip(2), given.clips)
    assert not torch.equal(shuffled, sampled)
    assert torch.equal(shuffled.sort(dim=2).values, sampled), "frames stay in their view"
    orders = (shuffled - sampled[:, :, :1]).flatten(2)
    assert torch.equal(orders[:, 0], orders[:, 1]), "all views of a clip have one order"
    assert not torch.equal(orders[0], orders[1]), "each clip has its own order"


def test_the_order_does_not_depend_on_the_number_of_processes():
    whole = [batch.clips for batch in with_controls(batches(4), process(0, 1))]
    halves = [[batch.clips for batch in with_controls(batches(4)[rank::2], process(rank, 2))] for rank in (0, 1)]
    dealt = [clips for pair in zip(*halves, strict=True) for clips in pair]
    assert all(torch.equal(one, other) for one, other in zip(whole, dealt, strict=True))


def test_scores_are_separated_by_order():
    logits = np.random.default_rng(0).normal(size=(5, 6, 3)).astype(np.float32)
    controls = Controls.of(ClipScores(logits, np.zeros(5, int), np.arange(5))).with_temperature(2.0)
    np.testing.assert_array_equal(controls.sampled.logits, logits[:, :2])
    np.testing.assert_array_equal(controls.shuffled.logits, logits[:, 2:4])
    np.testing.assert_array_equal(controls.reversed.logits, logits[:, 4:])
    assert controls.reversed.temperature == 2

"""Order counts: those of all pictures at once are those of one after another."""

import random

import numpy as np
import pytest

from clips.decoding.bitstream.order_count import OrderCounter


@pytest.mark.parametrize("num_bits", [0, 4, 5, 16])
@pytest.mark.parametrize("seed", range(20))
def test_orders_of_all_pictures_are_those_of_one_after_another(num_bits, seed):
    rng = random.Random(seed)
    pictures = [(rng.random() < 0.1, rng.random() < 0.6, rng.randrange(1 << num_bits)) for _ in range(60)]
    counter, expected = OrderCounter(), []
    counter.expect(num_bits)
    for begins, is_anchor, low_bits in pictures:
        if begins:
            counter.begin_sequence()
        expected.append(counter.order(low_bits, is_anchor))
    at_once = OrderCounter()
    at_once.expect(num_bits)
    columns = [np.array(column) for column in zip(*pictures, strict=True)]
    assert at_once.orders(low_bits=columns[2], begins=columns[0], is_anchor=columns[1]).tolist() == expected

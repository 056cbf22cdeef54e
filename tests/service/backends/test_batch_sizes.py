"""Fixed batch sizes: padding and splitting."""

import numpy as np
import pytest

from service.backends.batch_sizes import BATCH_SIZES, pad, split_batch


@pytest.mark.parametrize(
    ("num_clips", "parts"),
    [
        (1, [(1, 1)]),
        (2, [(2, 4)]),
        (3, [(3, 4)]),
        (5, [(4, 4), (1, 1)]),
        (7, [(4, 4), (3, 4)]),
        (9, [(9, 16)]),
        (40, [(16, 16), (16, 16), (8, 16)]),
    ],
)
def test_a_batch_is_padded_a_little_or_split(num_clips, parts):
    assert split_batch(num_clips, [1, 4, 16]) == parts


def test_a_batch_below_every_size_is_padded():
    assert split_batch(1, [8]) == [(1, 8)]


@pytest.mark.parametrize("num_clips", range(1, 50))
def test_the_sizes_of_the_service_take_every_batch_with_little_padding(num_clips):
    parts = split_batch(num_clips)
    assert sum(count for count, _ in parts) == num_clips
    assert all(count <= size <= 2 * count and size in BATCH_SIZES for count, size in parts)


def test_clips_are_padded_with_black_ones():
    clips = np.full((3, 2, 4, 4, 3), 7, np.uint8)
    padded = pad(clips, 4)
    np.testing.assert_array_equal(padded[:3], clips)
    assert padded.shape == (4, 2, 4, 4, 3)
    assert not padded[3].any()


def test_a_view_becomes_one_block_of_memory():
    assert pad(np.zeros((4, 2, 4, 4, 3), np.uint8)[::2], 2).flags.c_contiguous

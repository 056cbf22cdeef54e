import numpy as np
import pytest

from training.data.augmentation.excerpt import draw_excerpt


def test_the_whole_clip_draws_nothing():
    rng = np.random.default_rng(0)
    assert draw_excerpt(50, 1.0, rng) == (0, 50)
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("num_frames", [1, 2, 9, 100])
def test_excerpts_lie_within_the_clip_and_are_long_enough(num_frames):
    rng = np.random.default_rng(1)
    for _ in range(200):
        first, length = draw_excerpt(num_frames, 0.6, rng)
        assert 0 <= first <= first + length <= num_frames
        assert length >= max(1, round(0.6 * num_frames))


def test_excerpts_reach_both_ends_and_all_lengths():
    drawn = [draw_excerpt(10, 0.5, np.random.default_rng(seed)) for seed in range(300)]
    assert {length for _, length in drawn} == {5, 6, 7, 8, 9, 10}
    assert min(first for first, _ in drawn) == 0
    assert max(first + length for first, length in drawn) == 10

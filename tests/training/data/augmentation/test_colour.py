import numpy as np

from tests.helpers.reference import picture
from training.data.augmentation.colour import ColourJitter


def clip_of(*frames):
    return np.stack(frames).astype(np.uint8)


CLIP = clip_of(*(np.full((4, 6, 3), grey) for grey in (60, 120, 180)))


def test_without_strength_a_clip_and_the_random_state_stay_as_they_are():
    rng = np.random.default_rng(0)
    assert ColourJitter(0.0).apply(CLIP, rng) is CLIP
    assert rng.random() == np.random.default_rng(0).random()


def test_all_frames_change_by_the_same_table():
    clip = np.stack([picture(24, 16), picture(24, 16)[::-1]])
    changed = ColourJitter(0.4).apply(clip, np.random.default_rng(1))
    assert changed.shape == clip.shape
    assert changed.dtype == np.uint8
    assert (changed != clip).any()
    np.testing.assert_array_equal(changed[0], changed[1][::-1])


def test_changes_stay_within_the_strength():
    for seed in range(50):
        changed = ColourJitter(0.2).apply(CLIP, np.random.default_rng(seed)).astype(float)
        spread = changed[2].mean(axis=(0, 1)) - changed[0].mean(axis=(0, 1))
        gains = spread / 120
        assert (gains > 0.8 * 0.8 * 0.9 - 0.02).all()
        assert (gains < 1.2 * 1.2 * 1.1 + 0.02).all()
        assert (changed[0] < changed[1]).all()


def test_equal_seeds_give_equal_colours():
    one, other = (ColourJitter(0.3).apply(CLIP, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, other)

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from training.synthetic.evaluation_sets import make_evaluation_set, rendered_videos, repeat_middle_frame, shuffle_frames

SPEC = ClipSpec(crop=32, view=View.SQUEEZE)


@pytest.fixture(scope="module")
def split():
    return make_evaluation_set(rendered_videos(32, seed=0), SPEC)


def test_own_videos_are_pairs_of_a_clip_and_its_reverse(split):
    assert split.clips.shape == (32, 8, 32, 32, 3)
    assert split.labels.tolist() == [*range(16), *range(16)]
    for forward, backward in zip(split.clips[::2], split.clips[1::2], strict=True):
        there = np.abs(forward.astype(int) - backward[::-1]).mean()
        assert there < 25, "the reversed clip shows other pictures"


def test_shuffling_keeps_each_clips_frames(split):
    other = shuffle_frames(split, seed=0)
    assert not np.array_equal(other.clips, split.clips)
    np.testing.assert_array_equal(np.sort(other.clips, axis=1), np.sort(split.clips, axis=1))


def test_frozen_clips_repeat_their_middle_frame(split):
    still = repeat_middle_frame(split)
    assert all(np.array_equal(still.clips[:, t], split.clips[:, 4]) for t in range(8))

from itertools import islice

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from training.data.batch import NO_LABEL, Example
from training.data.rendered import SyntheticClips, reversed_or_mirrored

SPEC = ClipSpec(crop=48, view=View.SQUEEZE)


def test_shuffled_clips_have_no_label():
    dataset = SyntheticClips(SPEC, difficulty=0.0, seed=(0,), shuffled_share=0.5)
    labels = [example.label for example in islice(dataset, 40)]
    assert 8 < labels.count(NO_LABEL) < 32


@pytest.mark.parametrize("label", range(16))
def test_mirrors_and_time_change_the_label_as_they_change_the_picture(label):
    """A dot that moves right and up and gets brighter shows each change of the clip."""
    clip = np.zeros((4, 4, 4, 1), np.uint8)
    for t in range(4):
        clip[t, 3 - t, t] = t + 1
    rng = np.random.default_rng(label)
    for _ in range(20):
        other, new_label, _ = reversed_or_mirrored(Example(clip, label), rng)
        reversed_, flipped_x, flipped_y = _what_was_done(other)
        changes_of_pair = {
            0: (reversed_, flipped_x),
            1: (reversed_, flipped_y),
            3: (reversed_, flipped_x, flipped_y),
            7: (reversed_, flipped_x),
        }
        changes = changes_of_pair.get(label // 2, (reversed_,))
        assert new_label == label ^ (sum(changes) % 2)


def _what_was_done(clip):
    first, last = (np.argwhere(frame)[0] for frame in (clip[0], clip[-1]))
    reversed_ = clip[0].max() > clip[-1].max()
    goes_right, goes_up = last[1] > first[1], last[0] < first[0]
    return reversed_, goes_right == reversed_, goes_up == reversed_

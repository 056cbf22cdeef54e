import numpy as np
import pytest

from clips.spec import ClipSpec, View
from training.encode import ENCODINGS
from training.evaluate import direction_share, frozen, make_split, own_videos, shuffled
from training.foreign import FOOTAGE, foreign_clips, packaged_footage

SPEC = ClipSpec(crop=32, view=View.SQUEEZE)


@pytest.fixture(scope="module")
def split():
    return make_split(own_videos(32, seed=0), SPEC)


def test_own_videos_are_pairs_of_a_clip_and_its_reverse(split):
    assert split.clips.shape == (32, 8, 32, 32, 3)
    assert split.labels.tolist() == [*range(16), *range(16)]
    for forward, backward in zip(split.clips[::2], split.clips[1::2], strict=True):
        there = np.abs(forward.astype(int) - backward[::-1]).mean()
        assert there < 25, "the reversed clip shows other pictures"


def test_shuffling_keeps_each_clips_frames(split):
    other = shuffled(split, seed=0)
    assert not np.array_equal(other.clips, split.clips)
    np.testing.assert_array_equal(np.sort(other.clips, axis=1), np.sort(split.clips, axis=1))


def test_frozen_clips_repeat_their_middle_frame(split):
    still = frozen(split)
    assert all(np.array_equal(still.clips[:, t], split.clips[:, 4]) for t in range(8))


def test_direction_counts_only_answers_of_the_right_pair():
    labels = np.array([0, 1, 2, 3])
    assert direction_share(np.array([0, 0, 2, 8]), labels) == pytest.approx(2 / 3)
    assert direction_share(np.array([9, 9, 9, 9]), labels) == 0


def test_foreign_clips_are_video_files_of_every_label_and_equal_for_equal_seeds():
    footage = [path for path in packaged_footage() if path.name == "carphone_pristine.mp4"]
    first, second = (list(foreign_clips(16, seed, footage)) for seed in (3, 3))
    assert [clip.label for clip in first] == list(range(16))
    ours, again = make_split(first, SPEC), make_split(second, SPEC)
    np.testing.assert_array_equal(ours.labels, again.labels)
    assert np.abs(ours.clips.astype(int) - again.clips).mean() < 2, "more differs than x264's choices"


def test_all_footage_is_there():
    assert [path.name for path in packaged_footage()] == list(FOOTAGE)
    assert {encoding.encoder for encoding in ENCODINGS} == {"libx264", "mpeg4", "libvpx-vp9", "mjpeg"}

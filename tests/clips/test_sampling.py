"""Sampled indices, equal to those of MMAction2's `SampleFrames` recorded in golden/."""

import itertools

import numpy as np
import pytest

from clips.sampling import evaluation_indices, shifted_indices, training_indices
from tests.helpers.reference import golden_json

GOLDEN = golden_json("sampling.json")


class Extreme(np.random.Generator):
    """Random numbers that are always the lowest, or always the highest."""

    def __init__(self, *, highest: bool) -> None:
        super().__init__(np.random.PCG64())
        self.highest = highest

    def integers(self, high, size):  # type: ignore[override]
        return np.full(size, high - 1 if self.highest else 0)


@pytest.mark.parametrize("num_frames", GOLDEN["evaluation"])
def test_evaluation_takes_the_middle_of_each_segment(num_frames):
    assert evaluation_indices(int(num_frames), 8) == GOLDEN["evaluation"][num_frames]


@pytest.mark.parametrize("num_frames", GOLDEN["twice"])
def test_a_second_clip_takes_the_start_of_each_segment(num_frames):
    assert evaluation_indices(int(num_frames), 8, num_clips=2) == GOLDEN["twice"][num_frames]


@pytest.mark.parametrize("num_frames", GOLDEN["training"])
@pytest.mark.parametrize("bound", ["low", "high"])
def test_training_stays_within_each_segment(num_frames, bound):
    rng = Extreme(highest=bound == "high")
    assert training_indices(int(num_frames), 8, rng) == GOLDEN["training"][num_frames][bound]


@pytest.mark.parametrize("sample", [evaluation_indices, shifted_indices])
def test_indices_never_leave_the_clip(sample):
    for num_frames in range(1, 200):
        for num_segments, num_clips in itertools.product((1, 3, 8, 16), (1, 2)):
            indices = sample(num_frames, num_segments, num_clips)
            assert len(indices) == num_segments * num_clips
            assert all(0 <= index < num_frames for index in indices)


def test_shifted_is_half_a_segment_later():
    for num_frames in range(1, 200):
        for num_segments in (1, 3, 8, 16):
            middles, shifted = (sample(num_frames, num_segments) for sample in (evaluation_indices, shifted_indices))
            exact = ((np.arange(num_segments) + 1) * num_frames / num_segments).clip(max=num_frames - 1)
            assert shifted == np.floor(exact + 1e-9).astype(int).tolist()
            steps = np.subtract(shifted, middles)[:-1]
            assert (abs(steps - num_frames / (2 * num_segments)) < 1).all()


def test_shifted_is_half_way_between_the_frames_of_two_clips():
    """Two clips of T segments are one clip of 2 T segments, first the odd and then the even ones."""
    for num_frames in range(1, 200):
        between = evaluation_indices(num_frames, 16)
        assert shifted_indices(num_frames, 8, num_clips=2) == between[1::2] + between[::2]


def test_shifted_takes_the_end_of_each_segment_and_repeats_frames_of_a_short_clip():
    assert shifted_indices(40, 8) == [5, 10, 15, 20, 25, 30, 35, 39]
    assert shifted_indices(3, 8) == [0, 0, 1, 1, 1, 2, 2, 2]
    assert shifted_indices(1, 8) == [0] * 8


def test_an_empty_clip_cannot_be_sampled():
    for sample in (evaluation_indices, shifted_indices):
        with pytest.raises(ValueError, match="0 frames"):
            sample(0, 8)

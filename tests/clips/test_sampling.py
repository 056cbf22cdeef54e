import numpy as np
import pytest

from clips.sampling import evaluation_indices, training_indices
from tests.reference import golden_json

GOLDEN = golden_json("sampling.json")


class Extreme(np.random.Generator):
    """Draws the lowest or the highest number each time."""

    def __init__(self, *, highest: bool) -> None:
        super().__init__(np.random.PCG64())
        self.highest = highest

    def integers(self, high, size):  # type: ignore[override]
        return np.full(size, high - 1 if self.highest else 0)


@pytest.mark.parametrize("num_frames", GOLDEN["evaluation"])
def test_evaluation_takes_the_middle_of_each_segment(num_frames):
    assert evaluation_indices(int(num_frames), 8) == GOLDEN["evaluation"][num_frames]


@pytest.mark.parametrize("num_frames", GOLDEN["training"])
@pytest.mark.parametrize("bound", ["low", "high"])
def test_training_stays_within_each_segment(num_frames, bound):
    rng = Extreme(highest=bound == "high")
    assert training_indices(int(num_frames), 8, rng) == GOLDEN["training"][num_frames][bound]


def test_indices_never_leave_the_clip():
    for num_frames in range(1, 200):
        for num_segments in (1, 3, 8, 16):
            assert all(0 <= index < num_frames for index in evaluation_indices(num_frames, num_segments))


def test_an_empty_clip_cannot_be_sampled():
    with pytest.raises(ValueError, match="8 segments from 0 frames"):
        evaluation_indices(0, 8)

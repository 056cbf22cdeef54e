"""Times of frames: they rise from 0, whatever the file's clock does."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips.decoding.frame_times import all_rising, rising
from clips.decoding.packet_plan import MAX_REORDER_DEPTH

FRAME = 0.04


def times_of(stamps):
    frames = list(rising(zip(stamps, range(len(stamps)), strict=True), FRAME))
    assert [frame for _, frame in frames] == list(range(len(stamps)))
    return [time for time, _ in frames]


def frames(*numbers):
    return [5 + number * FRAME for number in numbers]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        pytest.param(frames(0, 1, 2, 3), [0, 1, 2, 3], id="as they are"),
        pytest.param(frames(0, 2, 1, 4, 3), [0, 1, 2, 3, 4], id="in decode order"),
        pytest.param([None] * 3, [0, 1, 2], id="none"),
        pytest.param([5.0, None, None, 5 + 3 * FRAME], [0, 1, 2, 3], id="some are missing"),
        pytest.param([*frames(0, 1, 2), 0.0, FRAME], [0, 1, 2, 3, 4], id="the clock begins anew"),
        pytest.param(frames(0, 1, 9, 10), [0, 1, 9, 10], id="a gap"),
        pytest.param([7.0], [0], id="a single frame"),
        pytest.param([], [], id="no frame"),
    ],
)
def test_times_rise_from_zero(stamps, expected):
    assert times_of(stamps) == pytest.approx([number * FRAME for number in expected])


def test_equal_times_are_told_apart():
    first, second, third = times_of([1.0, 1.0, 1.0])
    assert 0 == first < second < third < 0.001


@pytest.mark.parametrize("seed", range(20))
def test_no_clock_makes_them_step_back(seed):
    rng = random.Random(seed)
    stamps = [rng.choice([None, rng.uniform(-9, 9), index * FRAME]) for index in range(60)]
    times = times_of(stamps)
    assert times[0] == 0
    assert all(earlier < later for earlier, later in pairwise(times))


def test_few_frames_are_held():
    taken = 0

    def source():
        nonlocal taken
        for taken in range(1, 200):
            yield taken * FRAME, taken

    for count, _ in enumerate(rising(source(), FRAME)):
        assert taken <= count + MAX_REORDER_DEPTH + 1


MOMENTS = st.floats(-2, 20, allow_subnormal=False)


@given(stamps=st.lists(st.none() | MOMENTS, max_size=40), ordered=st.lists(MOMENTS))
def test_times_that_already_rise_are_given_at_once(stamps, ordered):
    for seconds in (stamps, sorted(ordered)):
        assert all_rising(seconds, FRAME) == times_of(seconds)

"""Sliding windows: spans, limits, and the frames in each."""

import itertools
import math

import pytest

from clips.decoding.errors import LimitExceeded
from clips.windows import Window, Windowing, frames_within, windows_of


def spans(duration, length=2.0, step=1.0, most=2000):
    windows = windows_of(duration, Windowing(length, step, most))
    return [(round(window.start, 6), round(window.end, 6)) for window in windows]


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (0.04, [(0, 0.04)]),
        (2, [(0, 2)]),
        (2.5, [(0, 2), (0.5, 2.5)]),
        (4, [(0, 2), (1, 3), (2, 4)]),
        (5.5, [(0, 2), (1, 3), (2, 4), (3, 5), (3.5, 5.5)]),
    ],
)
def test_windows_slide_to_the_end(duration, expected):
    assert spans(duration) == expected


@pytest.mark.parametrize("step", [0.1, 1 / 3, 0.7, 2])
@pytest.mark.parametrize("duration", [3.3, 10, 59.94, 600.6])
def test_nothing_is_left_out_and_nothing_comes_twice(duration, step):
    windows = windows_of(duration, Windowing(2, step, 100_000))
    assert (windows[0].start, windows[-1].end) == (0, duration)
    starts = [window.start for window in windows]
    assert all(0 < later - earlier <= step + 1e-9 for earlier, later in itertools.pairwise(starts))
    assert all(window.end - window.start == pytest.approx(2) for window in windows)


def test_a_step_that_would_fit_is_named_and_fits():
    with pytest.raises(LimitExceeded, match=r"5,981.*2,000.*step_seconds=0\.3 "):
        spans(600, step=0.1)
    assert len(spans(600, step=0.3)) <= 2000


def test_longer_windows_are_named_where_no_step_would_fit():
    with pytest.raises(LimitExceeded, match="window_seconds=10 and step_seconds=10 "):
        spans(100, most=10)
    assert len(spans(100, 10, 10, most=10)) == 10
    with pytest.raises(LimitExceeded, match="window_seconds=100 "):
        spans(100, most=1)


@pytest.mark.parametrize(("length", "step", "most"), [(0, 0, 9), (1, 2, 9), (1, 0, 9), (1, 1, 0), (math.inf, 1, 9)])
def test_windowings_that_make_no_sense(length, step, most):
    with pytest.raises(ValueError, match="step_seconds"):
        Windowing(length, step, most)


def test_the_frames_of_a_window_are_those_that_begin_in_it():
    times = [index / 25 for index in range(100)]
    assert frames_within(Window(1, 3), times) == range(25, 75)
    assert frames_within(Window(2, 4), times) == range(50, 100)


def test_a_window_between_two_frames_shows_the_first_of_them():
    times = [0.0, 5.0, 10.0]
    assert frames_within(Window(6, 8), times) == range(1, 2)
    assert frames_within(Window(0.5, 2), times) == range(1)
    assert frames_within(Window(11, 12), times) == range(2, 3)

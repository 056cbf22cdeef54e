"""Frame clock: sound times are kept, jumps are bridged."""

from __future__ import annotations

import pytest

from clips.decoding.frame_times import MIN_STEP_SECONDS, rising
from service.live.source.frame_clock import FrameClock


class Now:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_sound_times_are_those_of_a_whole_video() -> None:
    times = [7.0 + index / 29.97 for index in range(50)]
    clock = FrameClock(1 / 29.97, is_live=False)
    assert [clock.time_of(time) for time in times] == [
        time for time, _ in rising(((t, None) for t in times), 1 / 29.97)
    ]


@pytest.mark.parametrize("is_live", [True, False])
@pytest.mark.parametrize("jump", [-1000.0, -2.0, None])
def test_time_goes_on_after_a_jump(jump: float | None, is_live: bool) -> None:
    now = Now()
    clock = FrameClock(0.04, is_live, now)
    clock.time_of(5.0)
    now.seconds += 3.0
    assert clock.time_of(8.0) == 3.0
    now.seconds += 0.5
    time = clock.time_of(None if jump is None else 8.0 + jump)
    assert time == pytest.approx(3.5 if is_live else 3.04)
    if jump is not None:
        assert clock.time_of(8.1 + jump) == pytest.approx(time + 0.1)


def test_a_live_clock_cannot_be_ahead_of_time() -> None:
    now = Now()
    clock = FrameClock(0.04, True, now)
    clock.time_of(0.0)
    now.seconds += 0.04
    assert clock.time_of(90000.0) == pytest.approx(0.04)


def test_a_recorded_video_may_show_one_frame_for_long() -> None:
    clock = FrameClock(0.04, is_live=False)
    assert [clock.time_of(time) for time in (0.0, 60.0)] == [0.0, 60.0]


def test_equal_times_rise_a_little() -> None:
    clock = FrameClock(0.04, is_live=False)
    assert [clock.time_of(1.0) for _ in range(3)] == [0.0, MIN_STEP_SECONDS, 2 * MIN_STEP_SECONDS]

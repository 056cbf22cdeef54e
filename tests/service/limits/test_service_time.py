import pytest

from service.limits.service_time import ServiceTime


def test_the_mean_is_over_the_workers():
    time = ServiceTime(workers=4)
    assert time.mean_seconds == 0
    for seconds in (1.0, 3.0):
        time.add(seconds)
    assert time.mean_seconds == pytest.approx(0.5)


def test_old_videos_are_forgotten():
    time = ServiceTime(workers=1, window=4)
    for _ in range(100):
        time.add(10.0)
    for _ in range(20):
        time.add(1.0)
    assert time.mean_seconds == pytest.approx(1, abs=0.05)


def test_a_client_is_told_to_come_again_in_whole_seconds_and_not_at_once():
    time = ServiceTime(workers=2)
    assert time.retry_after(5) == 1
    time.add(1.0)
    assert [time.retry_after(num_videos) for num_videos in (0, 1, 3)] == [1, 1, 2]

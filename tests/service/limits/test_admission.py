import pickle
from contextlib import ExitStack

import pytest

from service.limits.admission import Admission, Draining, KeyLimitExceeded, ServiceTime
from service.limits.slots import Overloaded


@pytest.fixture
def service_time():
    return ServiceTime(workers=2)


@pytest.fixture
def admission(service_time):
    return Admission(
        max_uploads=3, max_bytes_held=1000, max_queue=4, max_timelines=1, max_per_key=2, service_time=service_time
    )


def taken(places, count):
    stack = ExitStack()
    for _ in range(count):
        stack.enter_context(places())
    return stack


def test_a_place_is_free_again_when_its_request_is_over(admission):
    with taken(admission.work_slots.take, 4), pytest.raises(Overloaded):
        admission.work_slots.take().__enter__()
    with pytest.raises(ZeroDivisionError), admission.work_slots.take():
        raise ZeroDivisionError
    assert admission.work_slots.num_taken == 0


def test_uploads_and_work_have_slots_of_their_own(admission):
    with (
        taken(admission.upload_slots.take, 3),
        pytest.raises(Overloaded, match="3"),
        admission.upload_slots.take(),
    ):
        pass
    with taken(admission.upload_slots.take, 3), admission.work_slots.take():
        assert (admission.upload_slots.num_taken, admission.work_slots.num_taken) == (3, 1)


def test_bodies_are_held_until_their_requests_are_over(admission):
    with admission.memory_budget() as one, admission.memory_budget() as other:
        one.add(400)
        one.add(300)
        with pytest.raises(Overloaded, match="700"):
            other.add(301)
        other.add(300)
        with pytest.raises(Overloaded, match="1,000"):
            one.add(1)
    assert admission.num_bytes_held == 0


def test_what_is_only_announced_takes_no_memory(admission):
    with admission.memory_budget() as reservation, admission.memory_budget() as other:
        reservation.expect(1000)
        other.add(1)
        with pytest.raises(Overloaded):
            reservation.expect(1000)


def test_retry_after_is_what_the_queue_takes(admission, service_time):
    service_time.add(3.0)
    with taken(admission.work_slots.take, 4), pytest.raises(Overloaded) as refused, admission.work_slots.take():
        pass
    assert refused.value.retry_after == 6
    assert "6 s" in str(refused.value)


def test_one_key_cannot_take_all_places(admission):
    with (
        taken(lambda: admission.per_key_slot("one"), 2),
        admission.per_key_slot("other"),
        admission.per_key_slot(None),
        pytest.raises(KeyLimitExceeded),
        admission.per_key_slot("one"),
    ):
        pass
    with admission.per_key_slot("one"):
        pass


def test_draining_turns_readiness_off_and_nothing_else(admission):
    admission.check_staying()
    admission.is_draining = True
    with pytest.raises(Draining):
        admission.check_staying()
    with admission.upload_slots.take(), admission.work_slots.take():
        pass


def test_timelines_have_slots_of_their_own_within_those_of_all_work(admission):
    admission.timeline_time.add(50)
    with admission.timeline_slots.take():
        assert (admission.timeline_slots.num_taken, admission.work_slots.num_taken) == (1, 1)
        with pytest.raises(Overloaded) as refused:
            admission.timeline_slots.check()
        admission.work_slots.check()
    assert refused.value.retry_after == 50
    with taken(admission.work_slots.take, 4), pytest.raises(Overloaded):
        admission.timeline_slots.check()


def test_a_refusal_survives_pickling():
    refusal = pickle.loads(pickle.dumps(Overloaded("full", 3)))
    assert (str(refusal), refusal.retry_after) == ("full", 3)


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

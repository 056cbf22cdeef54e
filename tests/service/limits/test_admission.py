from contextlib import ExitStack

import pytest

from service.limits.admission import Admission, Draining, KeyLimitExceeded, Overloaded
from service.limits.service_time import ServiceTime


@pytest.fixture
def service_time():
    return ServiceTime(workers=2)


@pytest.fixture
def admission(service_time):
    return Admission(max_uploads=3, max_bytes_held=1000, max_queue=4, max_per_key=2, service_time=service_time)


def taken(places, count):
    stack = ExitStack()
    for _ in range(count):
        stack.enter_context(places())
    return stack


def test_a_place_is_free_again_when_its_request_is_over(admission):
    with taken(admission.work_slot, 4), pytest.raises(Overloaded, match="4 videos are waiting or in work"):
        admission.work_slot().__enter__()
    with pytest.raises(ZeroDivisionError), admission.work_slot():
        raise ZeroDivisionError
    assert admission.num_queued == 0


def test_uploads_are_refused_when_there_would_be_no_place_to_work(admission):
    with taken(admission.work_slot, 4), pytest.raises(Overloaded, match="videos"), admission.upload_slot():
        pass
    with taken(admission.upload_slot, 3), pytest.raises(Overloaded, match="3 uploads"), admission.upload_slot():
        pass
    with taken(admission.upload_slot, 3), admission.work_slot():
        assert (admission.num_uploads, admission.num_queued) == (3, 1)


def test_bodies_are_held_until_their_requests_are_over(admission):
    with admission.memory_budget() as one, admission.memory_budget() as other:
        one.add(400)
        one.add(300)
        with pytest.raises(Overloaded, match="700 bytes"):
            other.add(301)
        other.add(300)
        with pytest.raises(Overloaded, match="1,000 bytes"):
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
    with taken(admission.work_slot, 4), pytest.raises(Overloaded) as refused, admission.work_slot():
        pass
    assert refused.value.retry_after == 6
    assert "again in 6 s" in str(refused.value)


def test_one_key_cannot_take_all_places(admission):
    with (
        taken(lambda: admission.per_key_slot("one"), 2),
        admission.per_key_slot("other"),
        admission.per_key_slot(None),
        pytest.raises(KeyLimitExceeded, match="2 requests of this key"),
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
    with admission.upload_slot(), admission.work_slot():
        pass

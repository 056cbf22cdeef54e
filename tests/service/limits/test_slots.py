"""Work slots: a full queue serves bursts, and is kept short for a while after a refusal."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from service.limits.slots import SECONDS_OF_OVERLOAD, Overloaded, WorkSlots


@dataclass
class Decoders:
    are_backed_up: bool = True
    now: float = 100.0


@pytest.fixture
def decoders():
    return Decoders()


@pytest.fixture
def slots(decoders):
    return WorkSlots(4, lambda: 1, lambda: decoders.are_backed_up, lambda: decoders.now)


def held(slots, count):
    stack = ExitStack()
    for _ in range(count):
        stack.enter_context(slots.take())
    return stack


def refuse_one(slots):
    with held(slots, 4), pytest.raises(Overloaded):
        slots.check()


def test_a_burst_takes_all_slots_though_videos_wait(slots):
    for count in range(4):
        with held(slots, count):
            slots.check()


def test_after_a_refusal_none_may_come_while_the_decoders_are_backed_up(slots, decoders):
    refuse_one(slots)
    with held(slots, 3):
        with pytest.raises(Overloaded, match="3"):
            slots.check()
        decoders.are_backed_up = False
        slots.check()


def test_the_queue_is_long_again_when_nothing_was_refused_for_want_of_a_slot(slots, decoders):
    refuse_one(slots)
    decoders.now += SECONDS_OF_OVERLOAD - 0.1
    with pytest.raises(Overloaded):  # which does not count as a refusal for want of a slot
        slots.check()
    decoders.now += 0.1
    slots.check()


def test_a_video_that_was_read_after_its_check_takes_any_slot(slots):
    refuse_one(slots)
    with held(slots, 4):
        assert slots.num_taken == 4

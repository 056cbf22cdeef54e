"""Pace: what is dropped when decoding is behind."""

from __future__ import annotations

import pytest

from service.live.source.pace import LATE_SECONDS, Pace

RATE = 25
GOP = 25


class Source:
    """Packets that are there at their time, `stall` seconds of which arrive late, read by a decoder of some speed."""

    def __init__(self, is_played: bool = False) -> None:
        self.now = 1000.0
        self.pace = Pace(is_played, lambda: self.now)
        self.index = 0
        self.held_until = 0.0

    def read(self, seconds: float, decode_seconds: float) -> tuple[int, float]:
        """Read so long, each packet decoded in this time; returns the number dropped, and how late the last one is."""
        dropped, end = 0, self.now + seconds
        while self.now < end:
            time = self.index / RATE
            there = max(1000.0 + time, self.held_until)
            blocked = max(0.0, there - self.now)
            self.now += blocked
            if self.pace.drops(time, self.index % GOP == 0, blocked):
                dropped += 1
                self.now += 1e-5
            else:
                self.now += self.pace.wait_for(time) + decode_seconds
            self.index += 1
        return dropped, self.now - 1000.0 - self.index / RATE


def test_nothing_is_dropped_while_decoding_keeps_up() -> None:
    assert Source().read(600, 0.03)[0] == 0


def test_a_decoder_of_half_the_speed_drops_half_and_stays_near() -> None:
    source = Source()
    dropped, late = source.read(600, 0.08)
    assert dropped == pytest.approx(600 * RATE / 2, rel=0.1)
    assert late < 6 * LATE_SECONDS


def test_a_pause_of_the_network_drops_nothing_when_decoding_catches_up() -> None:
    source = Source()
    source.read(10, 0.01)
    source.held_until = source.now + 4
    dropped, late = source.read(20, 0.01)
    assert dropped == 0
    assert late == pytest.approx(0.0, abs=0.1)


def test_a_clock_that_stood_still_is_followed_after_one_gap() -> None:
    source = Source()
    source.read(10, 0.01)
    source.index -= 100  # the source's clock is four seconds late from now on
    source.held_until = 0.0
    blocked = 1 / RATE
    dropped = 0
    for _ in range(1000):
        source.now += blocked
        dropped += source.pace.drops(source.index / RATE, source.index % GOP == 0, blocked)
        source.index += 1
    assert 0 < dropped <= 2 * GOP


def test_clocks_may_drift() -> None:
    pace_now = 0.0
    pace = Pace(False, lambda: pace_now)
    for index in range(24 * 3600):
        pace_now = index * 1.0001
        assert not pace.drops(index, True, 0.0)


def test_a_recorded_source_waits_for_its_time() -> None:
    now = 50.0
    pace = Pace(True, lambda: now)
    assert not pace.drops(3.0, True, 0.0)
    assert pace.wait_for(3.0) == 0.0
    assert pace.wait_for(3.5) == pytest.approx(0.5)
    now = 50.25
    assert pace.wait_for(3.5) == pytest.approx(0.25)

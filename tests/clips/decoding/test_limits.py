"""Validation of DecodeLimits, and the clock of the CPU."""

import dataclasses

import pytest

from clips.decoding.errors import LimitExceeded
from clips.decoding.limits import CpuClock, DecodeLimits


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(DecodeLimits)])
def test_a_limit_must_be_positive(name):
    with pytest.raises(ValueError, match=name):
        DecodeLimits(**{name: 0})


def test_the_clock_of_the_cpu_is_read_only_where_the_limit_can_be_reached(monkeypatch):
    clock = CpuClock(3_600)
    monkeypatch.setattr(clock, "_now", lambda: 1e9)
    clock.check()
    monkeypatch.setattr(clock, "_earliest_end", 0.0)
    with pytest.raises(LimitExceeded):
        clock.check()

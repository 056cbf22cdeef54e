"""Exponential back-off."""

from __future__ import annotations

from service.live.source.backoff import FIRST_SECONDS, MOST_SECONDS, STEADY_SECONDS, Backoff


def test_waits_double_up_to_a_bound() -> None:
    backoff = Backoff()
    waits = [backoff.next_wait() for _ in range(10)]
    assert waits[:3] == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS]
    assert waits[-1] == MOST_SECONDS


def test_only_a_connection_that_lasted_begins_anew() -> None:
    backoff = Backoff()
    backoff.next_wait()
    backoff.connected_for(STEADY_SECONDS / 2)
    assert backoff.next_wait() == 2 * FIRST_SECONDS
    backoff.connected_for(STEADY_SECONDS)
    assert backoff.next_wait() == FIRST_SECONDS

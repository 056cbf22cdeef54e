"""Pace: how far the decoder is behind its source, or ahead of a source that is played at its own pace."""

from __future__ import annotations

import time
from collections.abc import Callable

LATE_SECONDS = 1.0
"""A decoder that is further behind must catch up."""
PATIENCE_SECONDS = 2.0
"""It has so long to do so by decoding faster, as after a pause of the network; then packets are dropped."""
BLOCKED_SECONDS = 0.02
"""A packet that took so long to come was waited for: there was none left over."""
DRIFT = 1e-3
"""Most that two clocks drift apart, as a share of time."""
MOST_SECONDS = 10.0
"""A packet further off than that is of another clock."""


class Pace:
    """Compares the times of packets with this machine's clock, and decides which packets to drop.

    A packet is in time while it comes no later after the first one than its own time says. Packets are dropped up to
    a key frame that is in time, or behind which nothing was left to read: dropping is quick, so that is where the
    source is now.

    Args:
        is_played: True to hold a recorded source back to its own pace; False to take packets as they come.
        now: This machine's clock, in seconds.
    """

    def __init__(self, is_played: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._is_played = is_played
        self._now = now
        self._anchor: float | None = None
        self._checked_at = 0.0
        self._late_since: float | None = None
        self._is_dropping = False
        self._was_blocked = False

    def wait_for(self, seconds: float) -> float:
        """Return the seconds to wait before the packet of this time is decoded; 0 unless the source is played."""
        return max(0.0, -self._lag(seconds)) if self._is_played else 0.0

    def drops(self, seconds: float, is_key: bool, blocked_seconds: float) -> bool:
        """Decide about the next packet: True to drop it.

        Args:
            seconds: Its time.
            is_key: True where decoding can begin.
            blocked_seconds: How long it was waited for.
        """
        lag = self._lag(seconds)
        if not self._is_dropping:
            self._is_dropping, self._was_blocked = self._is_lost_patience(lag), False
        self._was_blocked |= self._is_dropping and blocked_seconds > BLOCKED_SECONDS
        if self._is_dropping and is_key and (lag < LATE_SECONDS or self._was_blocked):
            self._resume(seconds)
        return self._is_dropping

    def _lag(self, seconds: float) -> float:
        now = self._now()
        if self._anchor is None or abs(now - seconds - self._anchor) > MOST_SECONDS:
            self._anchor = now - seconds
        elif not self._is_played:
            risen = self._anchor + DRIFT * (now - self._checked_at)
            self._anchor = min(risen, now - seconds)
        self._checked_at = now
        return now - seconds - self._anchor

    def _is_lost_patience(self, lag: float) -> bool:
        if lag < LATE_SECONDS:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = self._now()
        return self._late_since is not None and self._now() - self._late_since > PATIENCE_SECONDS

    def _resume(self, seconds: float) -> None:
        if self._was_blocked:
            self._anchor = self._now() - seconds
        self._is_dropping, self._late_since = False, None

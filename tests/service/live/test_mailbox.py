"""Mailbox: bounded windows, in order."""

from __future__ import annotations

import threading

import numpy as np

from clips.model_input import WindowInput
from service.live.mailbox import Connected, Lost, Mailbox


def window(start: float) -> WindowInput:
    return WindowInput(start, start + 2, np.zeros((1, 1, 1, 1, 3), np.uint8))


def test_the_oldest_windows_make_room() -> None:
    mailbox = Mailbox(most_windows=2)
    lost = Lost(3.0, "gone")
    windows = [window(float(index)) for index in range(4)]
    for event in (windows[0], windows[1], lost, windows[2], windows[3]):
        mailbox.put(event)
    assert [mailbox.take(0) for _ in range(4)] == [lost, windows[2], windows[3], None]
    assert mailbox.dropped_windows == 2


def test_taking_waits_for_an_event() -> None:
    mailbox = Mailbox()
    event = Connected(0.0, 1)
    threading.Timer(0.05, mailbox.put, [event]).start()
    assert mailbox.take(10.0) is event

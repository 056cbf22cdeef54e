"""Decoding thread: a film that breaks off ends, and is not played again."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from clips.windows import Windowing
from service.live.decoding import DecodingThread, Preprocessing
from service.live.mailbox import Connected, Failed, Mailbox
from service.live.source import connection
from service.live.source.address import source_of
from service.live.source.errors import SourceLost
from tests.helpers.stores import SPEC


def test_a_film_that_breaks_off_is_not_played_again(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packets = connection.Connection._packets

    def broken(self):
        for count, packet in enumerate(packets(self)):
            if count == 20:
                raise SourceLost("the film cannot be read")
            yield packet

    monkeypatch.setattr(connection.Connection, "_packets", broken)
    mailbox = Mailbox(most_windows=100)
    preprocessing = Preprocessing(SPEC, Windowing(0.2, 0.2, sys.maxsize), 640 * 480)
    thread = DecodingThread(source_of(str(film)), preprocessing, mailbox, threading.Event())
    thread.start()
    thread.join(30)
    events = []
    while (event := mailbox.take(0)) is not None:
        events.append(event)
    assert isinstance(events[0], Connected)
    assert isinstance(events[-1], Failed)
    assert len(events) == 2 + 4

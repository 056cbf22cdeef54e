"""Thousands of hostile uploads to a real server, whose sandbox kills decoders that open anything: all are refused."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.helpers.hostile.attack import SETTINGS, attack
from tests.helpers.hostile.watch import FileWatch, listening, was_called

NUMBER = 6_600
AT_LEAST = 5_000

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="confines and watches as Linux can")


def test_all_are_refused_and_nothing_else_happens(start_server, tmp_path):
    tally = attack(start_server, tmp_path, NUMBER)
    assert tally.faults == []
    assert tally.statuses.total() - tally.statuses["200"] >= AT_LEAST, tally.answers


def test_the_decoders_are_confined(start_server, store):
    decoders = start_server(model_store=store, **SETTINGS).decoders()
    assert len(decoders) == 2
    for decoder in decoders:
        assert "\nSeccomp:\t2\n" in Path(f"/proc/{decoder}/status").read_text()


def test_what_is_opened_or_called_is_seen(tmp_path):
    path = tmp_path / "canary"
    path.touch()
    with FileWatch(path) as watch, listening() as listener:
        assert not watch.was_touched()
        assert not was_called(listener)
        path.read_bytes()
        socket.create_connection(listener.getsockname()).close()
        assert watch.was_touched()
        assert was_called(listener)

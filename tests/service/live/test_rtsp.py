"""`tin live` of a real RTSP server, whose stream is cut and restored."""

from __future__ import annotations

import signal
from itertools import pairwise
from pathlib import Path

from tests.helpers.live.films import repeated
from tests.helpers.live.live_process import LiveProcess
from tests.helpers.live.rtsp_server import RtspServer, require_rtsp_server

WINDOWS = ("--window-seconds", "0.4", "--step-seconds", "0.4")
ORDER = ["Showing red", "Showing green", "Showing blue"]


def test_a_stream_is_cut_and_restored(store: Path, film: Path, tmp_path: Path) -> None:
    require_rtsp_server()
    with RtspServer(repeated(film, tmp_path / "long.mp4", 4)) as server:
        address = server.url.replace("rtsp://", "rtsp://user:secret@")
        with LiveProcess(store, address, *WINDOWS) as live:
            live.until("segment", 3)
            server.stop()
            lost = live.until("lost")
            server.start()
            back = live.until("connected", 2)
            live.until("segment", len(live.of_kind("segment")) + 2)
            live.process.send_signal(signal.SIGTERM)
            assert live.wait(15) == 0
            notes = live.stderr()
    assert "secret" not in notes + str(live.rows)
    assert "trying again" in notes
    assert back["seconds"] > lost["seconds"]
    segments = live.of_kind("segment")
    before = [row for row in segments if row["start_seconds"] < lost["seconds"]]
    after = [row for row in segments if row["start_seconds"] >= back["seconds"]]
    assert len(before) + len(after) == len(segments)
    for part in (before, after):
        labels = [row["label"] for row in part]
        assert labels == (ORDER * 4)[: len(labels)]
        assert all(one["end_seconds"] == other["start_seconds"] for one, other in pairwise(part))
    assert before[-1]["end_seconds"] == lost["seconds"]
    assert live.rows[-1]["reconnects"] == 1


def test_a_server_that_is_not_there_is_an_error(store: Path) -> None:
    with LiveProcess(store, "rtsp://user:secret@127.0.0.1:1/film") as live:
        assert live.wait() == 2
        message = live.stderr()
    assert message.startswith("error: rtsp://127.0.0.1:1/film cannot be read")
    assert "secret" not in message

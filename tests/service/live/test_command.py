"""`tin live` from start to end: the segments of a timeline, signals, bad input."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tin
from tests.helpers.live.films import COLOURS, RATE
from tests.helpers.live.live_process import LiveProcess
from tests.helpers.live.mjpeg_server import MjpegServer
from tin.results import TimelineSegment

ORDER = ["Showing red", "Showing green", "Showing blue"]
APART = ("--window-seconds", "0.4", "--step-seconds", "0.4")
WINDOWS = ("--window-seconds", "0.8", "--step-seconds", "0.4")

RunCli = Callable[..., subprocess.CompletedProcess[str]]


def test_a_file_gives_the_segments_of_its_timeline(store: Path, film: Path, tmp_path: Path) -> None:
    saved = tmp_path / "film.csv"
    with LiveProcess(store, film, "--save", saved, *WINDOWS) as live:
        assert live.wait() == 0
    with tin.load(store=store, onnx_threads=1) as model:
        timeline = model.timeline(film, 0.8, 0.4)
    end = live.rows[-1]
    if end["dropped_frames"] + end["dropped_windows"]:
        pytest.skip(f"this machine is too busy to play a film: {end}")
    assert [_without_kind(row) for row in live.of_kind("segment")] == [_given(each) for each in timeline.segments]
    assert (end["frames"], end["windows"]) == (5.2 * RATE, len(timeline.windows))
    rows = list(csv.DictReader(saved.read_text().splitlines()))
    assert [row["label"] for row in rows] == [segment.label for segment in timeline.segments]


def test_standard_input_is_played_to_its_end(store: Path, film: Path) -> None:
    with film.open("rb") as file, LiveProcess(store, "-", *APART, stdin=file) as live:
        assert live.wait() == 0
    assert [row["label"] for row in live.of_kind("segment")] == ORDER
    assert live.rows[0]["source"] == "standard input"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_last_segment(store: Path, tmp_path: Path, number: signal.Signals) -> None:
    saved = tmp_path / "camera.ndjson"
    red = np.full((64, 96, 3), COLOURS["red"], np.uint8)
    with MjpegServer([red]) as camera, LiveProcess(store, camera.url, "--save", saved, *WINDOWS) as live:
        live.until("connected")
        with pytest.raises(subprocess.TimeoutExpired):
            live.process.wait(timeout=2.5)
        live.process.send_signal(number)
        assert live.wait(10) == 0
        assert live.stderr() == ""
    *_, segment, end = live.rows
    assert (segment["kind"], segment["label"]) == ("segment", "Showing red")
    assert segment["num_windows"] == end["windows"] >= 2
    assert [json.loads(line)["label"] for line in saved.read_text().splitlines()] == ["Showing red"]


def test_a_camera_that_is_cut_comes_back(store: Path) -> None:
    green = np.full((64, 96, 3), COLOURS["green"], np.uint8)
    with MjpegServer([green]) as camera, LiveProcess(store, camera.url, *WINDOWS) as live:
        live.until("connected")
        with pytest.raises(subprocess.TimeoutExpired):
            live.process.wait(timeout=1.5)
        camera.cut()
        lost, back = live.until("lost"), live.until("connected", 2)
        with pytest.raises(subprocess.TimeoutExpired):
            live.process.wait(timeout=1.5)
        live.process.send_signal(signal.SIGINT)
        assert live.wait(10) == 0
    before, after = live.of_kind("segment")
    assert before["end_seconds"] == pytest.approx(lost["seconds"])
    assert after["start_seconds"] == pytest.approx(back["seconds"])
    assert back["seconds"] > lost["seconds"]
    assert live.rows[-1]["reconnects"] == 1


@pytest.mark.parametrize("source", ["no-such.mp4", "ftp://camera/film", "http://127.0.0.1:1/camera"])
def test_a_source_that_cannot_be_opened_is_one_line(run_cli: RunCli, source: str, tmp_path: Path) -> None:
    saved = tmp_path / "saved.csv"
    done = run_cli("live", source, "--save", str(saved))
    assert not saved.exists()
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert source in done.stderr


def test_a_service_has_an_address(run_cli: RunCli, film: Path) -> None:
    for url in ("localhost:8000", "http://127.0.0.1:1"):
        done = run_cli("live", str(film), "--url", url)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert url in done.stderr


def test_a_file_is_not_overwritten(run_cli: RunCli, film: Path, tmp_path: Path) -> None:
    saved = tmp_path / "old.csv"
    saved.write_text("old")
    done = run_cli("live", str(film), "--save", str(saved))
    assert (done.returncode, saved.read_text()) == (2, "old")
    assert "old.csv is there already" in done.stderr


def _without_kind(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "kind"}


def _given(segment: TimelineSegment) -> dict[str, Any]:
    return {name: value for name, value in asdict(segment).items() if value is not None}

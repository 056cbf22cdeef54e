"""`tin timeline`: many videos, parts of them, saved segments, results that are resumed, and errors in one line."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysubs2
import pytest
from typer.testing import CliRunner

from clips.decoding.decode import decode
from service.__main__ import cli


@dataclass(frozen=True)
class Done:
    """Exit code and output of a command."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]
WINDOWS = ["--window-seconds", "0.5"]


@pytest.fixture
def run_cli(store: Path) -> Run:
    """Runs a command of the service on `store` in this process, which is faster than in one of its own."""

    def run(*arguments: str) -> Done:
        environment = {"TIN_MODEL_STORE": str(store), "TIN_ONNX_THREADS": "1", "COLUMNS": "200"}
        done = CliRunner().invoke(cli, arguments, env=environment, catch_exceptions=False)
        return Done(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def files(tmp_path: Path, videos: dict[str, bytes]) -> list[str]:
    """Two videos in a folder, and a text that is named as one between them."""
    folder = tmp_path / "films"
    folder.mkdir()
    for name, content in (("one.mp4", videos["mp4"]), ("other.mp4", b"text " * 50), ("two.avi", videos["avi"])):
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in ("one.mp4", "other.mp4", "two.avi")]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_timeline_prints_segments_or_the_rows_of_the_service(run_cli: Run, files: list[str]) -> None:
    done = run_cli("timeline", files[0], "--window-seconds", "0.5")
    assert done.returncode == 0, done.stderr
    assert "one.mp4" in done.stdout
    assert "Showing blue" in done.stdout
    assert "real time" in done.stdout
    done = run_cli("timeline", files[0], "--window-seconds", "0.5", "--step-seconds", "0.25", "--top-k", "2", "--json")
    clip, *windows, segments = map(json.loads, done.stdout.splitlines())
    assert {row["file"] for row in (clip, *windows, segments)} == {files[0]}
    assert (clip["kind"], segments["kind"], clip["num_windows"]) == ("clip", "segments", len(windows))
    assert all(len(window["predictions"]) == 2 for window in windows)


def test_timeline_reads_a_pipe(run_cli: Run, videos: dict[str, bytes], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(pipe.write_bytes, videos["mp4"])
        clip, *_ = map(json.loads, run_cli("timeline", str(pipe), "--json").stdout.splitlines())
    assert (clip["kind"], clip["clip"]["size_bytes"]) == ("clip", len(videos["mp4"]))


@pytest.mark.parametrize(
    ("arguments", "exit_code", "named"),
    [
        (["nowhere.mp4"], 1, "nowhere.mp4"),
        (["README.md"], 1, "README.md"),
        (["README.md", "--step-seconds", "3"], 2, "step_seconds"),
        (["README.md", "--model", "none"], 2, "'none'"),
    ],
)
def test_timeline_gives_up_in_one_line(run_cli: Run, arguments: list[str], exit_code: int, named: str) -> None:
    done = run_cli("timeline", *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (exit_code, 1)
    assert named in done.stderr


def test_a_file_has_limits_of_its_own(run_cli: Run, files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIN_MAX_UPLOAD_BYTES", "100")
    monkeypatch.setenv("TIN_MAX_FRAMES", "3")
    assert run_cli("timeline", files[0], *WINDOWS).returncode == 0
    monkeypatch.setenv("TIN_MAX_TIMELINE_FRAMES", "3")
    done = run_cli("timeline", files[0], *WINDOWS)
    assert (done.returncode, "more than 6 packets" in done.stderr) == (1, True)
    monkeypatch.delenv("TIN_MAX_TIMELINE_FRAMES")
    monkeypatch.setenv("TIN_MAX_FILE_BYTES", "100")
    done = run_cli("timeline", files[0], *WINDOWS)
    assert (done.returncode, "bytes" in done.stderr) == (1, True)


def test_a_part_is_named_in_the_times_of_the_video(run_cli: Run, files: list[str]) -> None:
    done = run_cli("timeline", files[0], *WINDOWS, "--from", "0.4", "--to", "1.2", "--json")
    clip, *windows, _ = map(json.loads, done.stdout.splitlines())
    assert clip["part"] == {"from_seconds": 0.4, "to_seconds": 1.2}
    assert (windows[0]["start_seconds"], windows[-1]["end_seconds"]) == (0.4, 1.2)
    done = run_cli("predict", files[0], "--from", "0.4", "--to", "1.2", "--json")
    sampled = json.loads(done.stdout)["clip"]["sampled"]
    assert all(10 <= frame["index"] < 30 for frame in sampled)


def test_every_video_of_a_folder_goes_to_a_file_of_its_own(run_cli: Run, files: list[str], tmp_path: Path) -> None:
    out, saved = tmp_path / "lines.jsonl", tmp_path / "saved"
    folder = str(Path(files[0]).parent)
    asked = ["timeline", folder, *WINDOWS, "--save", str(saved), "--format", "srt"]
    done = run_cli(*asked, "--out", str(out))
    assert (done.returncode, done.stdout) == (1, "")
    assert "other.mp4" in done.stderr
    assert "2 of 3 videos are answered, 1 never will be" in done.stderr
    assert [Path(line["file"]).name for line in lines_of(out)] == ["one.mp4", "other.mp4", "two.avi"]
    assert [segment["label"] for segment in lines_of(out)[0]["segments"]] == ["Showing blue"]
    assert sorted(path.name for path in saved.iterdir()) == ["one.srt", "two.srt"]
    assert "Showing blue" in pysubs2.load(str(saved / "one.srt"))[0].plaintext
    done = run_cli(*asked)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "--overwrite" in done.stderr


def test_results_are_resumed_and_those_of_other_options_refused(run_cli: Run, files: list[str], tmp_path: Path) -> None:
    out = tmp_path / "lines.jsonl"
    asked = ["timeline", *WINDOWS, "--out", str(out), files[0]]
    assert run_cli(*asked).returncode == 0
    first = out.read_bytes()
    done = run_cli(*asked, files[2])
    assert done.returncode == 0, done.stderr
    assert out.read_bytes().startswith(first)
    assert len(lines_of(out)) == 2
    for other in (["--min-probability", "0.5"], ["--from", "0.5"], ["--step-seconds", "0.5"]):
        done = run_cli(*asked, *other)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "name another file" in done.stderr
    assert run_cli("predict", "--out", str(out), files[0]).returncode == 2


def test_one_video_is_saved_in_each_format(run_cli: Run, files: list[str], tmp_path: Path) -> None:
    for suffix in ("json", "csv", "mp4"):
        target = tmp_path / f"one.{suffix}"
        done = run_cli("timeline", files[0], *WINDOWS, "--save", str(target))
        assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "one.json").read_text())[0]["label"] == "Showing blue"
    with (tmp_path / "one.csv").open(newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["Showing blue"]
    assert decode(tmp_path / "one.mp4", lambda _: [0]).video.frames == 40


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--save", "one.txt"], ".srt"),
        (["--save", "nowhere/one.srt"], "nowhere"),
        (["--save", "folder", "--format", "gif"], "gif"),
        (["--format", "srt"], "--save"),
        (["--ray"], "--out"),
        (["--from", "2", "--to", "1"], "part"),
    ],
)
def test_options_that_do_not_fit_are_named_before_any_work(
    run_cli: Run, files: list[str], arguments: list[str], named: str
) -> None:
    done = run_cli("timeline", files[0], *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert named in done.stderr


def test_a_video_is_never_replaced(run_cli: Run, files: list[str]) -> None:
    before = Path(files[0]).read_bytes()
    done = run_cli("timeline", files[0], "--save", files[0], "--overwrite")
    assert done.returncode == 2
    assert Path(files[0]).read_bytes() == before

"""Names on a command line become videos: files, folders, frames, patterns, pipes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clips.decoding.errors import LimitExceeded
from service.batch.inputs import STANDARD_INPUT, Inputs, find_inputs, is_stream, read_stream
from tests.helpers.denied_folder import deny_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mp4", "A.MOV", "notes.txt", "deep/c.webm", ".hidden.mp4", ".cache/d.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def _named(folder: Path, *names: str) -> list[str]:
    return [str(path.relative_to(folder)) for path in find_inputs([folder / name for name in names]).videos]


def test_a_folder_becomes_the_videos_in_it(folder: Path) -> None:
    assert _named(folder, ".") == ["A.MOV", "b.mp4", "deep/c.webm"]


def test_a_file_that_is_named_is_taken_whatever_its_name(folder: Path) -> None:
    assert _named(folder, "notes.txt", "nowhere.mp4", ".hidden.mp4") == ["notes.txt", "nowhere.mp4", ".hidden.mp4"]


def test_a_pattern_becomes_what_matches(folder: Path) -> None:
    assert _named(folder, "*.mp4", "**/*.webm", "d*") == ["b.mp4", "deep/c.webm", "deep/c.webm"]


def test_what_leads_to_no_video_comes_back(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert _named(folder, "empty", "*.avi") == ["empty", "*.avi"]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(folder: Path) -> None:
    (folder / "take [2].mp4").touch()
    assert _named(folder, "take [2].mp4") == ["take [2].mp4"]


def test_a_folder_that_may_not_be_read_comes_back_among_the_videos(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny_folder(monkeypatch, "deep")
    assert _named(folder, ".") == ["A.MOV", "b.mp4", "deep"]


def test_the_order_is_that_of_the_names_at_every_depth(tmp_path: Path) -> None:
    for name in ("a/2.mp4", "a/10/1.mp4", "a b/1.mp4", "a.mp4", "b/1.mp4", "Z.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(find_inputs([tmp_path]).videos) == sorted(tmp_path.rglob("*.mp4"))


def test_a_link_to_a_folder_is_not_followed(folder: Path) -> None:
    (folder / "deep" / "circle").symlink_to(folder)
    assert _named(folder, ".") == ["A.MOV", "b.mp4", "deep/c.webm"]


def test_files_that_are_passed_over_are_reported_once(folder: Path) -> None:
    (folder / "deep" / "subtitles.srt").touch()
    found = find_inputs([folder, folder / "*", folder / "b.mp4"])
    assert found.passed_over == (folder / "notes.txt", folder / "deep" / "subtitles.srt")
    assert find_inputs([folder / "notes.txt"]).passed_over == ()


def test_a_folder_of_frames_is_one_video(folder: Path) -> None:
    for name in ("c/1.jpg", "c/2.jpg", "c/3.jpg", "c/labels.csv", "deep/1.jpg", "deep/2.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    found = find_inputs([folder])
    assert _named(folder, ".") == ["A.MOV", "b.mp4", "c", "deep/c.webm"]
    assert {path.name for path in found.passed_over} == {"notes.txt", "labels.csv", "1.jpg", "2.jpg"}
    assert find_inputs([folder / "c"]) == Inputs((folder / "c",), (folder / "c" / "labels.csv",))


def test_standard_input_and_pipes_are_streams(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert find_inputs([STANDARD_INPUT, pipe]).videos == (STANDARD_INPUT, pipe)
    assert is_stream(STANDARD_INPUT)
    assert is_stream(pipe)
    assert not is_stream(tmp_path)
    assert not is_stream(tmp_path / "nowhere.mp4")


@pytest.mark.parametrize("size", [99, 100, 101])
def test_a_stream_is_read_up_to_the_limit(tmp_path: Path, size: int) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(pipe.write_bytes, bytes(size))
        if size <= 100:
            assert read_stream(pipe, max_bytes=100) == bytes(size)
        else:
            with pytest.raises(LimitExceeded):
                read_stream(pipe, max_bytes=100)

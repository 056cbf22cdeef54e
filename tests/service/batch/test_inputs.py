"""What a command line names becomes files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from service.batch.inputs import expand_inputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mp4", "A.MOV", "notes.txt", "deep/c.webm", ".hidden.mp4", ".cache/d.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def _named(folder: Path, *names: str) -> list[str]:
    return [str(path.relative_to(folder)) for path in expand_inputs([folder / name for name in names])]


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
    allowed = os.scandir

    def scandir(path: Path) -> Any:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied", str(path))
        return allowed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert _named(folder, ".") == ["A.MOV", "b.mp4", "deep"]


def test_the_order_is_that_of_the_names_at_every_depth(tmp_path: Path) -> None:
    for name in ("a/2.mp4", "a/10/1.mp4", "a b/1.mp4", "a.mp4", "b/1.mp4", "Z.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(expand_inputs([tmp_path])) == sorted(tmp_path.rglob("*.mp4"))


def test_a_link_to_a_folder_is_not_followed(folder: Path) -> None:
    (folder / "deep" / "circle").symlink_to(folder)
    assert _named(folder, ".") == ["A.MOV", "b.mp4", "deep/c.webm"]

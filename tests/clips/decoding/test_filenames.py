"""Video files in a folder: suffixes, order, hidden names, links."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from clips.decoding.filenames import VIDEO_SUFFIXES, find_videos, is_named_as_video
from tests.helpers.denied_folder import deny_folder


@pytest.mark.parametrize("name", ["a.mp4", "A.MOV", "a.b.webm", "folder.x/a.ts", "a.MTS", "a.vob", "a.3g2"])
def test_videos(name: str) -> None:
    assert is_named_as_video(name)


@pytest.mark.parametrize("name", ["a.txt", "mp4", "a.mp4.part", "a.mp4/b", ".mp4", "", "a.wav", "a.jpg", "a.ogg"])
def test_other_names(name: str) -> None:
    assert not is_named_as_video(name)


@pytest.mark.parametrize("name", ["h264", "hevc", "mjpeg", "ivf", "obu", "gif", "mxf", "dv", "flv", "avi", "mov"])
def test_each_suffix_that_ffmpeg_writes_a_container_with_is_known(name: str) -> None:
    extensions = av.ContainerFormat(name, "w").extensions
    assert {f".{extension}" for extension in extensions} <= VIDEO_SUFFIXES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mp4", "A.MOV", "notes.txt", "deep/c.webm", ".hidden.mp4", ".cache/d.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def found(folder: Path, **options: bool) -> list[str]:
    return [str(path.relative_to(folder)) for path in find_videos(folder, **options)]


def test_videos_at_any_depth_in_the_order_of_their_names_without_hidden_ones(folder: Path) -> None:
    assert found(folder) == ["A.MOV", "b.mp4", "deep/c.webm"]


def test_links_to_folders_are_entered_on_request_and_never_in_a_circle(folder: Path) -> None:
    (folder / "deep" / "circle").symlink_to(folder)
    (folder / "link").symlink_to(folder / "deep")
    assert found(folder) == ["A.MOV", "b.mp4", "deep/c.webm"]
    assert found(folder, follow_links=True) == ["A.MOV", "b.mp4", "deep/c.webm", "link/c.webm"]


def test_a_folder_without_permission_is_yielded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deny_folder(monkeypatch, "deep")
    assert found(folder) == ["A.MOV", "b.mp4", "deep"]

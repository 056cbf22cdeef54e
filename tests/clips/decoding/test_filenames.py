"""What is taken from a folder."""

from __future__ import annotations

import pytest

from clips.decoding.filenames import is_named_as_video


@pytest.mark.parametrize("name", ["a.mp4", "A.MOV", "a.b.webm", "folder.x/a.ts"])
def test_videos(name: str) -> None:
    assert is_named_as_video(name)


@pytest.mark.parametrize("name", ["a.txt", "mp4", "a.mp4.part", "a.mp4/b", ".mp4", ""])
def test_other_names(name: str) -> None:
    assert not is_named_as_video(name)

"""Videos at addresses: files, folders and patterns are found, read and predicted under the names that were given."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from clips.decoding.errors import LimitExceeded
from service.batch import local
from service.batch.inputs import find_inputs
from service.batch.remote_inputs import read_remote_video
from service.batch.request import PredictOptions
from service.batch.results.result import Answer, Failed
from service.store.addresses import AddressError

OPTIONS = PredictOptions("colours", "2", 3)


@pytest.fixture(autouse=True)
def _bucket(videos):
    files = fsspec.filesystem("memory")
    for name in ("clips/a.mp4", "clips/deep/b.mp4", "clips/notes.txt"):
        files.pipe_file(f"/bucket/{name}", videos["mp4"])
    yield
    files.rm("/bucket", recursive=True)


def names_of(address: str) -> list[str]:
    return [video.as_posix() for video in find_inputs([Path(address)]).videos]


def test_files_folders_and_patterns():
    assert names_of("memory://bucket/clips/notes.txt") == ["memory:/bucket/clips/notes.txt"]
    assert names_of("memory://bucket/clips") == ["memory:/bucket/clips/a.mp4", "memory:/bucket/clips/deep/b.mp4"]
    assert names_of("memory://bucket/*/*.mp4") == ["memory:/bucket/clips/a.mp4"]
    assert names_of("memory://bucket/none.mp4") == ["memory:/bucket/none.mp4"]


def test_they_are_predicted(settings, model):
    asked = [Path("memory://bucket/clips/a.mp4"), Path("memory://bucket/none.mp4")]
    answer, failed = local.predict_videos(asked, model, OPTIONS, settings)
    assert isinstance(answer, Answer)
    assert answer.file == "memory://bucket/clips/a.mp4"
    assert isinstance(failed, Failed)
    assert failed.file == "memory://bucket/none.mp4"
    assert not failed.lasts


def test_one_is_read_whole_and_no_further_than_its_limit(videos):
    address = "memory://bucket/clips/a.mp4"
    assert read_remote_video(address, len(videos["mp4"])) == videos["mp4"]
    with pytest.raises(LimitExceeded):
        read_remote_video(address, len(videos["mp4"]) - 1)
    with pytest.raises(AddressError, match="none"):
        read_remote_video("memory://bucket/none.mp4", 9)

"""Takes: kept, found, limited, and gone without a trace."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from service.teaching import takes as takes_module
from service.teaching.errors import BadName, FolderFull, NotTaught, TeachingConflict
from service.teaching.takes import MAX_TAKES, Takes


@pytest.fixture
def takes(tmp_path: Path) -> Takes:
    takes = Takes(tmp_path, max_bytes=1000)
    takes.add_action("wave")
    return takes


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_takes_are_listed_in_the_order_they_came(takes: Takes, tmp_path: Path) -> None:
    takes.add_action("Clap")
    containers = ("mov,mp4", "matroska,webm", "rare")
    added = [takes.add_take("wave", b"video " + each.encode(), each, b"jpeg") for each in containers]
    clap, wave = Takes(tmp_path, 1000).actions()
    assert (clap.name, clap.takes) == ("Clap", ())
    assert wave.takes == tuple(added)
    assert [take.path.suffix for take in added] == [".mp4", ".webm", ".mkv"]
    assert takes.find(added[1].id).path.read_bytes() == b"video matroska,webm"
    assert takes.thumbnail_of(added[1].id).read_bytes() == b"jpeg"


def test_a_file_that_was_copied_there_is_a_take(takes: Takes, tmp_path: Path) -> None:
    (tmp_path / "takes" / "wave" / "My Clip.MP4").write_bytes(b"video")
    (tmp_path / "takes" / "wave" / "notes.txt").write_bytes(b"text")
    (take,) = takes.actions()[0].takes
    assert take.num_bytes == 5
    assert take.id.isalnum()
    with pytest.raises(NotTaught):
        takes.thumbnail_of(take.id)
    takes.remove_take(take.id)
    assert files_in(tmp_path) == ["takes/wave/notes.txt"]


def test_what_is_removed_leaves_nothing_behind(takes: Takes, tmp_path: Path) -> None:
    first = takes.add_take("wave", b"video", "avi", b"jpeg")
    takes.add_take("wave", b"other", "avi", b"jpeg")
    takes.remove_take(first.id)
    assert len(files_in(tmp_path)) == 2
    takes.remove_action("wave")
    assert takes.actions() == []
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("name", ["..", "../takes", "clap", "", "wave/"])
def test_only_an_action_that_is_there_is_touched(takes: Takes, name: str) -> None:
    with pytest.raises(NotTaught):
        takes.remove_action(name)
    with pytest.raises(NotTaught):
        takes.add_take(name, b"video", "avi", b"jpeg")
    with pytest.raises(NotTaught):
        takes.find(name)


@pytest.mark.parametrize(
    ("name", "error"), [("WAVE", TeachingConflict), (" wave ", TeachingConflict), ("a/b", BadName)]
)
def test_a_second_action_has_a_name_of_its_own(takes: Takes, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        takes.add_action(name)


def test_the_same_clip_counts_once(takes: Takes) -> None:
    takes.add_action("clap")
    takes.add_take("wave", b"video", "avi", b"jpeg")
    for name in ("wave", "clap"):
        with pytest.raises(TeachingConflict, match="'wave' has this very clip"):
            takes.add_take(name, b"video", "avi", b"jpeg")


def test_a_folder_that_is_full_takes_no_more(takes: Takes, tmp_path: Path) -> None:
    takes.add_take("wave", bytes(900), "avi", b"jpeg")
    before = files_in(tmp_path)
    with pytest.raises(FolderFull, match="TIN_TEACH_MAX_BYTES"):
        takes.add_take("wave", bytes(97), "avi", b"jpeg")
    assert files_in(tmp_path) == before


def test_an_action_and_the_page_have_limits(takes: Takes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MAX_TAKES):
        (tmp_path / "takes" / "wave" / f"{number}.mp4").touch()
    with pytest.raises(FolderFull):
        takes.add_take("wave", b"video", "avi", b"jpeg")
    monkeypatch.setattr(takes_module, "MAX_ACTIONS", 1)
    with pytest.raises(FolderFull):
        takes.add_action("clap")


def test_a_full_disk_is_named_and_leaves_nothing_behind(
    takes: Takes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(FolderFull, match="disk"):
        takes.add_take("wave", b"video", "avi", b"jpeg")
    assert files_in(tmp_path) == []


def test_a_snapshot_outlives_its_takes_and_costs_nothing(takes: Takes, tmp_path: Path) -> None:
    take = takes.add_take("wave", b"video", "avi", b"jpeg")
    takes.snapshot(tmp_path / "job" / "clips")
    assert takes.num_bytes() == len(b"video") + len(b"jpeg")
    takes.remove_action("wave")
    assert (tmp_path / "job" / "clips" / "wave" / take.path.name).read_bytes() == b"video"
    shutil.rmtree(tmp_path / "job")
    assert takes.num_bytes() == 0

"""Targets of saved segments: one file for each video, and none that replaces another."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.batch.errors import SavingError
from service.batch.timelines.targets import check_targets, plan_targets
from service.segment_files.formats import UnknownFormat


def test_one_video_goes_to_the_file_that_is_named(tmp_path: Path) -> None:
    target = tmp_path / "a.SRT"
    assert plan_targets([Path("a.mp4")], target, None) == {Path("a.mp4"): target}
    with pytest.raises(UnknownFormat):
        plan_targets([Path("a.mp4")], tmp_path / "a.txt", None)
    for save in (tmp_path, tmp_path / "nowhere" / "a.srt"):
        with pytest.raises(SavingError):
            plan_targets([Path("a.mp4")], save, None)


@pytest.mark.parametrize(
    ("videos", "names"),
    [
        (["a.mp4", "b.mov"], ["a.csv", "b.csv"]),
        (["x/a.mp4", "y/a.mp4"], ["x/a.csv", "y/a.csv"]),
        (["x/a.mp4", "x/a.avi", "x/b.avi"], ["a.mp4.csv", "a.avi.csv", "b.csv"]),
        (["s3:/bucket/films/a.mp4", "s3:/bucket/b.mp4"], ["films/a.csv", "b.csv"]),
        (["-"], ["stdin.csv"]),
        ([], []),
    ],
)
def test_a_folder_gets_a_file_for_each_video(videos: list[str], names: list[str]) -> None:
    paths = [Path(video) for video in videos]
    targets = plan_targets(paths, Path("out"), "csv")
    assert [targets[path] for path in paths] == [Path("out", name) for name in names]


def test_more_videos_need_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SavingError, match="--format"):
        plan_targets([Path("a.mp4"), Path("b.mp4")], tmp_path / "a.srt", None)
    (tmp_path / "file").touch()
    with pytest.raises(SavingError, match="no folder"):
        plan_targets([Path("a.mp4")], tmp_path / "file", "srt")


def test_files_are_replaced_when_asked_and_videos_never(tmp_path: Path) -> None:
    video, target = tmp_path / "a.mp4", tmp_path / "a.srt"
    target.touch()
    with pytest.raises(SavingError, match="--overwrite"):
        check_targets({video: target}, [video], overwrite=False)
    check_targets({video: target}, [video], overwrite=True)
    check_targets({video: target}, [], overwrite=False)
    with pytest.raises(SavingError, match="one of the videos"):
        check_targets({video: video}, [video], overwrite=True)

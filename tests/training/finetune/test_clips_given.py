import os
from pathlib import Path

import pytest

from training.finetune.clips_given import ClipsGiven, left_out, usable_given
from training.lists.checked_clips import check_clips
from training.lists.clip_set import ClipSetError


@pytest.fixture
def folder(tmp_path, make_video):
    """Two classes of ten clips each."""
    for number in range(20):
        target = tmp_path / "clips" / ("wave", "clap")[number % 2] / f"{number}.mp4"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(make_video(5 + number), target)
    return tmp_path / "clips"


def test_a_folder_of_classes(folder):
    clip_set = ClipsGiven(folder).read()
    assert (clip_set.labels, len(clip_set.clips)) == (("clap", "wave"), 20)


def test_a_folder_of_splits(folder, tmp_path):
    for split in ("train", "val"):
        (tmp_path / "splits" / split).mkdir(parents=True)
        for label in ("wave", "clap"):
            (tmp_path / "splits" / split / label).symlink_to(folder / label)
    clip_set = ClipsGiven(tmp_path / "splits", follow_links=True).read()
    assert {clip.split for clip in clip_set.clips} == {"train", "val"}


def test_a_table_with_a_column_of_groups(folder):
    rows = [f"{path.relative_to(folder)},{path.parent.name},p{path.stem}" for path in folder.rglob("*.mp4")]
    (folder / "clips.csv").write_text("\n".join(["file,label,person", *rows]))
    clip_set = ClipsGiven(folder / "clips.csv", group="person").read()
    assert {clip.group for clip in clip_set.clips} == {f"p{number}" for number in range(20)}


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [("clips", {"group": "person"}, "CSV"), ("clips/wave/0.mp4", {}, "0.mp4"), ("nothing", {}, "nothing")],
)
def test_what_is_neither_folder_nor_table_is_refused(folder, name, options, named):
    with pytest.raises(ClipSetError) as caught:
        ClipsGiven(folder.parent / name, **options).read()
    assert named in str(caught.value)


def usable(folder):
    clip_set = ClipsGiven(folder).read()
    return usable_given(clip_set, check_clips(clip_set))


def test_a_few_unreadable_clips_and_copies_are_left_out_and_named(folder):
    (folder / "wave" / "bad.mp4").write_bytes(b"no video")
    (folder / "wave" / "again.mp4").write_bytes((folder / "wave" / "0.mp4").read_bytes())
    found = usable(folder)
    assert len(found.clip_set.clips) == 20
    lines = list(left_out(found))
    assert [Path(line.split()[2].rstrip(":")).name for line in lines] == ["bad.mp4", "again.mp4"]


def test_many_unreadable_clips_are_an_error(folder):
    for number in range(4):
        (folder / "wave" / f"bad {number}.mp4").write_bytes(b"no video")
    with pytest.raises(ClipSetError) as caught:
        usable(folder)
    assert "4 of 24" in str(caught.value)
    assert "bad 0.mp4" in str(caught.value)

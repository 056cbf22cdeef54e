from pathlib import Path

import pytest

from tests.helpers.training.official_files import write
from training.lists.class_folders import read_class_folders
from training.lists.clip_set import ClipSetError, LabelledClip


def make(root, *files):
    for file in files:
        write(root / file, "x")
    return root


def test_folders_are_classes(tmp_path):
    root = make(tmp_path, "wave/b.MP4", "wave/a 1.mp4", "arm_wrestling/2020/c.avi", "clap/.thumbs/d.mp4", "clap/e.mkv")
    make(tmp_path, "README.md", "wave/notes.txt", "wave/.DS_Store", ".git/x.mp4")
    (root / "wave" / "lost.mp4").symlink_to(root / "nowhere.mp4")
    clips = read_class_folders(root)
    assert (clips.root, clips.labels, clips.num_ignored) == (root, ("arm_wrestling", "clap", "wave"), 3)
    assert clips.clips == (
        LabelledClip(Path("arm_wrestling/2020/c.avi"), "arm_wrestling"),
        LabelledClip(Path("clap/e.mkv"), "clap"),
        LabelledClip(Path("wave/a 1.mp4"), "wave"),
        LabelledClip(Path("wave/b.MP4"), "wave"),
    )


@pytest.mark.parametrize("second", ["val", "test"])
def test_folders_of_splits(tmp_path, second):
    make(tmp_path, "train/wave/a.mp4", "train/clap/b.mp4", f"{second}/wave/c.mp4")
    assert [(clip.path.as_posix(), clip.label, clip.split) for clip in read_class_folders(tmp_path).clips] == [
        *(([(f"{second}/wave/c.mp4", "wave", second)]) if second == "test" else []),
        ("train/clap/b.mp4", "clap", "train"),
        ("train/wave/a.mp4", "wave", "train"),
        *(([(f"{second}/wave/c.mp4", "wave", second)]) if second == "val" else []),
    ]


def test_train_without_val_is_a_class_like_others(tmp_path):
    assert read_class_folders(make(tmp_path, "train/a.mp4", "bus/b.mp4")).labels == ("bus", "train")


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ((), ""),
        (("a.mp4", "b.mp4"), ""),
        (("wave/a.mp4",), "wave"),
        (("wave/a.mp4", "clap/notes.txt"), "clap"),
        (("wave/a.mp4", "clap/b.mp4", "c.mp4"), "c.mp4"),
        (("train/wave/a.mp4", "train/clap/b.mp4", "val/wave/c.mp4", "jump/d.mp4"), "jump"),
        (("train/wave/a.mp4", "train/clap/b.mp4", "val/c.mp4"), "val"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path, files, named):
    with pytest.raises(ClipSetError) as caught:
        read_class_folders(make(tmp_path / "clips", *files))
    assert named in str(caught.value)
    assert str(tmp_path / "clips") in str(caught.value)


@pytest.mark.parametrize("is_folder", [True, False])
def test_links_out_of_the_folder_are_taken_only_when_allowed(tmp_path, is_folder):
    make(tmp_path, "elsewhere/clap/a.mp4", "clips/wave/b.mp4", "clips/jump/c.mp4")
    link = tmp_path / "clips" / "clap" if is_folder else tmp_path / "clips" / "jump" / "a.mp4"
    link.symlink_to(tmp_path / "elsewhere" / ("clap" if is_folder else "clap/a.mp4"))
    with pytest.raises(ClipSetError) as caught:
        read_class_folders(tmp_path / "clips")
    assert str(link) in str(caught.value)
    linked = link / "a.mp4" if is_folder else link
    taken = [clip.path for clip in read_class_folders(tmp_path / "clips", follow_links=True).clips]
    assert linked.relative_to(tmp_path / "clips") in taken


def test_a_link_within_the_folder_is_a_file(tmp_path):
    make(tmp_path, "wave/a.mp4", "clap/b.mp4")
    (tmp_path / "clap" / "c.mp4").symlink_to(tmp_path / "clap" / "b.mp4")
    assert len(read_class_folders(tmp_path).clips) == 3

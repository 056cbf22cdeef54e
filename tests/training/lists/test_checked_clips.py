import os
import shutil
from pathlib import Path

import pytest

from training.lists.checked_clips import check_clips, usable_clips
from training.lists.clip_set import ClipSet, ClipSetError, LabelledClip


@pytest.fixture
def clip_set(tmp_path, make_video):
    """Clips of 10, 15 and 20 frames at 25 per second, of the classes wave and clap."""
    for name, frames in {"a": 10, "b": 15, "c": 20}.items():
        os.link(make_video(frames), tmp_path / f"{name}.mp4")
    labels = {"a": "wave", "b": "clap", "c": "wave"}
    return ClipSet(tmp_path, tuple(LabelledClip(Path(f"{name}.mp4"), label) for name, label in labels.items()))


def added(clip_set, name, label, **options):
    return ClipSet(clip_set.root, (*clip_set.clips, LabelledClip(Path(name), label, **options)))


def usable(clip_set, **options):
    return usable_clips(clip_set, check_clips(clip_set), **options)


def test_videos_are_described(clip_set):
    found = usable(clip_set)
    assert found.clip_set == clip_set
    assert (found.unreadable, found.copies) == ({}, ())
    lengths = {path.name: round(video.duration_seconds, 3) for path, video in found.videos.items()}
    assert lengths == {"a.mp4": 0.4, "b.mp4": 0.6, "c.mp4": 0.8}
    assert {(video.width, video.height) for video in found.videos.values()} == {(96, 64)}


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_unreadable_clips_are_an_error_or_left_out(clip_set, content):
    (clip_set.root / "bad.mp4").write_bytes(content)
    with_bad = added(clip_set, "bad.mp4", "clap")
    with pytest.raises(ClipSetError) as caught:
        usable(with_bad)
    assert str(clip_set.root / "bad.mp4") in str(caught.value)
    found = usable(with_bad, skip_unreadable=True)
    assert (found.clip_set, list(found.unreadable)) == (clip_set, [Path("bad.mp4")])


def test_a_folder_in_place_of_a_file_is_unreadable(clip_set):
    (clip_set.root / "bad.mp4").mkdir()
    assert len(usable(added(clip_set, "bad.mp4", "clap"), skip_unreadable=True).unreadable) == 1


def test_a_class_without_a_readable_clip_is_an_error(clip_set):
    (clip_set.root / "bad.mp4").write_bytes(b"x")
    with pytest.raises(ClipSetError) as caught:
        usable(added(clip_set, "bad.mp4", "jump"), skip_unreadable=True)
    assert "'jump'" in str(caught.value)


def test_a_copy_within_a_class_is_left_out(clip_set):
    shutil.copy(clip_set.root / "a.mp4", clip_set.root / "again.mp4")
    found = usable(added(clip_set, "again.mp4", "wave"))
    assert (found.clip_set, found.copies) == (clip_set, (Path("again.mp4"),))


def test_files_of_equal_size_are_compared_by_content(clip_set):
    content = bytearray((clip_set.root / "a.mp4").read_bytes())
    content[-1] ^= 1
    (clip_set.root / "other.mp4").write_bytes(content)
    assert usable(added(clip_set, "other.mp4", "wave")).copies == ()


@pytest.mark.parametrize(("label", "options"), [("clap", {}), ("wave", {"split": "val"}), ("wave", {"group": "anna"})])
def test_a_copy_in_another_class_split_or_group_is_an_error(clip_set, label, options):
    (clip_set.root / "again.mp4").symlink_to(clip_set.root / "a.mp4")
    with pytest.raises(ClipSetError) as caught:
        usable(added(clip_set, "again.mp4", label, **options))
    assert "a.mp4" in str(caught.value)
    assert "again.mp4" in str(caught.value)

from pathlib import Path

import pytest

from tests.helpers.training.official_files import write
from training.lists.clip_set import ClipSetError, LabelledClip
from training.lists.clip_table import read_clip_table

FILES = ("a.mp4", "clips/b 1.mp4", "c,d.mp4")


@pytest.fixture
def table(tmp_path):
    """A function that reads a CSV file of a text, beside the FILES."""
    for file in FILES:
        write(tmp_path / file, "x")

    def read(text, **options):
        (tmp_path / "clips.csv").write_text(text, encoding="utf-8")
        return read_clip_table(tmp_path / "clips.csv", **options)

    return read


def test_rows_are_clips_in_their_order(table, tmp_path):
    read = table('\ufefffile,label\n"c,d.mp4",wave\n\nclips/b 1.mp4, clap\r\na.mp4,wave\n')
    assert (read.root, read.labels) == (tmp_path, ("clap", "wave"))
    assert read.clips == (
        LabelledClip(Path("c,d.mp4"), "wave"),
        LabelledClip(Path("clips/b 1.mp4"), "clap"),
        LabelledClip(Path("a.mp4"), "wave"),
    )


def test_splits_and_groups(table):
    text = "group,label,split,file\nanna,wave,train,a.mp4\nbob,clap,test,clips/b 1.mp4\n"
    assert [(clip.split, clip.group) for clip in table(text).clips] == [("train", "anna"), ("test", "bob")]


def test_columns_of_other_names(table):
    text = "file,label,person,camera,group\na.mp4,wave,anna,1,x\nclips/b 1.mp4,clap,bob,2,x\n"
    read = table(text, group="person", ignore=["camera", "group"])
    assert [(clip.split, clip.group) for clip in read.clips] == [(None, "anna"), (None, "bob")]
    assert {clip.group for clip in table(text, ignore=["camera", "group", "person"]).clips} == {None}


GOOD = "a.mp4,wave\n"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "file, label"),
        (GOOD + "clips/b 1.mp4,clap\n", "file, label"),
        ("file,class\n" + GOOD, "label"),
        ("file,label,lable\n", "'lable'"),
        ("file,label,label\n", "'label'"),
        ("file,label\n" + GOOD + "clips/b 1.mp4\n", "line 3"),
        ("file,label\n" + GOOD + "c,d.mp4,clap\n", "line 3"),
        ("file,label\n" + GOOD + "clips/b 1.mp4,\n", "line 3"),
        ("file,label,split\na.mp4,wave,train\nclips/b 1.mp4,clap,validation\n", "'validation'"),
        ("file,label,split\na.mp4,wave,train\nclips/b 1.mp4,clap,\n", "line 3"),
        ("file,label,group\na.mp4,wave,\n", "line 2"),
        ("file,label\n" + GOOD + "gone.mp4,clap\n", "gone.mp4"),
        ("file,label\n" + GOOD + "./a.mp4,wave\n", "line 2"),
        ("file,label\n" + GOOD + "a.mp4,clap\n", "line 2"),
        ("file,label\na.mp4\0,wave\n", "line 2"),
        ("file,label\n" + GOOD, "'wave'"),
    ],
)
def test_tables_that_cannot_be_used(table, tmp_path, text, named):
    with pytest.raises(ClipSetError) as caught:
        table(text)
    assert named in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("options", [{"group": "person"}, {"ignore": ["person"]}])
def test_a_named_column_must_be_there(table, options):
    with pytest.raises(ClipSetError) as caught:
        table("file,label\n" + GOOD, **options)
    assert "person" in str(caught.value)


@pytest.mark.parametrize("content", [None, b"file,label\n\xff,wave\n"])
def test_a_file_that_is_no_table(tmp_path, content):
    path = tmp_path / "clips.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ClipSetError) as caught:
        read_clip_table(path)
    assert str(path) in str(caught.value)

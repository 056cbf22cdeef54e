from pathlib import Path

import pytest

from tests.helpers.training.frame_folders import FILE_NAME, write_frames
from training.lists.item_list import ItemListError, ListItem, check_frame_folders, item_line, read_item_list

ROOT = Path("frames")


@pytest.fixture
def listing(tmp_path):
    path = tmp_path / "train.txt"

    def read(text, *, with_frames=True, num_classes=4):
        path.write_text(text, encoding="utf-8")
        return read_item_list(path, root=ROOT, num_classes=num_classes, with_frames=with_frames)

    return read


def test_a_list_of_frame_folders(listing):
    assert listing("100218 42 3\nPutting something/7 of 9 30 0\n\n") == [
        ListItem(ROOT / "100218", 3, 42),
        ListItem(ROOT / "Putting something/7 of 9", 0, 30),
    ]


def test_a_list_of_videos(listing):
    assert listing("playing harp/a b 12.mp4 2\nç.webm\t1\r\n", with_frames=False) == [
        ListItem(ROOT / "playing harp/a b 12.mp4", 2),
        ListItem(ROOT / "ç.webm", 1),
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("folder 3", "`name num_frames label`"),
        ("folder", "`name num_frames label`"),
        ("folder 12 three", "`name num_frames label`"),
        ("folder 1.5 3", "`name num_frames label`"),
        ("folder 12 4", "label 4 "),
        ("folder 12 -1", "label -1 "),
        ("folder 0 3", "folder .* 0 frames"),
    ],
)
def test_a_wrong_line_is_named(listing, tmp_path, line, complaint):
    with pytest.raises(ItemListError, match=complaint) as raised:
        listing(f"fine 12 3\n\n{line}\nfine 12 3\n")
    assert str(raised.value).startswith(f"{tmp_path / 'train.txt'}, line 3: ")


def test_a_video_without_label_is_named(listing):
    with pytest.raises(ItemListError, match=r"line 1: 'a\.mp4' .*`name label`"):
        listing("a.mp4\n", with_frames=False)


def test_a_byte_order_mark_is_no_part_of_the_first_name(listing):
    items = listing("\ufeffsome folder/a b.mp4 1\r\nb.mp4 2\r\n", with_frames=False)
    assert items == [ListItem(ROOT / "some folder/a b.mp4", 1), ListItem(ROOT / "b.mp4", 2)]


@pytest.mark.parametrize("line", ["a b.mp4 1 3", "a b.MKV 0 1 3"])
def test_several_labels_of_a_video_are_explained(listing, line):
    with pytest.raises(ItemListError, match=rf"line 2: '{line}' .*`multi_class`.*`name label`"):
        listing(f"fine 3.mp4 3\n{line}\n", with_frames=False)


@pytest.mark.parametrize("line", ["a 2 12 5 3", "a 2 5 0 3", "a 2 5 1 2 3"], ids=["offset", "two labels", "three"])
def test_mmaction2s_other_forms_of_folders_are_explained(tmp_path, line):
    write_frames(tmp_path / "a 2", 5)
    path = tmp_path / "train.txt"
    path.write_text(f"{line}\n")
    with pytest.raises(ItemListError, match=r"a 2 does: .*`with_offset`.*`multi_class`.*`name num_frames label`"):
        check_frame_folders(read_item_list(path, root=tmp_path, num_classes=4, with_frames=True), FILE_NAME)


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_an_empty_list_is_an_error(listing, text):
    with pytest.raises(ItemListError, match=r"train\.txt .*training\.prepare"):
        listing(text)


def test_a_missing_list_is_an_error(tmp_path):
    with pytest.raises(ItemListError, match=r"val\.txt .*training\.prepare"):
        read_item_list(tmp_path / "val.txt", root=ROOT, num_classes=4, with_frames=True)


def test_what_is_no_text_is_an_error(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes(b"\xff\xfe\x00 1 2")
    with pytest.raises(ItemListError, match=r"train\.txt "):
        read_item_list(path, root=ROOT, num_classes=4, with_frames=True)


def test_complete_folders_pass(tmp_path):
    check_frame_folders([write_frames(tmp_path / str(count), count) for count in (1, 5, 9)], FILE_NAME)


def test_folders_with_fewer_frames_than_listed_are_counted(tmp_path):
    whole, short = write_frames(tmp_path / "whole", 5), write_frames(tmp_path / "short", 3)
    items = [whole, ListItem(short.path, 0, 4), ListItem(tmp_path / "gone", 0, 4), whole]
    complaint = r"short .*img_00004\.jpg.* 4 frames .*2 of 4 folders"
    with pytest.raises(ItemListError, match=complaint):
        check_frame_folders(items, FILE_NAME)
    with pytest.raises(ItemListError, match=r"gone .*1 of 2 folders"):
        check_frame_folders(items[2:], FILE_NAME)


@pytest.mark.parametrize("name", ["a.mp4", "wave/take 1.mp4", "5 7.mp4", "caf\u00e9.mp4", "/data/a.mp4", "no suffix"])
def test_a_line_is_read_back_as_its_item(listing, name):
    line = item_line(name, 3)
    assert listing(f"{line}\n{line}\n", with_frames=False) == [ListItem(ROOT / name, 3)] * 2


@pytest.mark.parametrize(
    "name", ["a\nb.mp4", "a\u2028b.mp4", "a\x85.mp4", " a.mp4", "a.mp4 ", "\ufeffa.mp4", "a.mp4 7", "caf\udce9.mp4"]
)
def test_a_name_that_would_be_read_back_as_another_is_refused(name):
    with pytest.raises(ItemListError) as caught:
        item_line(name, 3)
    assert repr(name) in str(caught.value)

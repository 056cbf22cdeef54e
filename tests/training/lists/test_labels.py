import pytest

from training.lists.labels import LabelsError, read_labels


def test_labels_are_the_lines_in_their_order(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("zumba\n tap dancing \r\nçelik çomak\n\n", encoding="utf-8")
    assert read_labels(path) == ("zumba", "tap dancing", "çelik çomak")


def test_a_byte_order_mark_is_no_part_of_the_first_label(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("class 0\r\nclass 1\r\n", encoding="utf-8-sig")
    assert read_labels(path) == ("class 0", "class 1")


def test_a_label_given_twice_is_refused(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("zumba\nfencing\nabseiling\n fencing\n")
    with pytest.raises(LabelsError, match=r"labels\.txt .*'fencing'.* 2 .*4"):
        read_labels(path)


@pytest.mark.parametrize("content", [None, b"", b"a\n\nb\n", b"\xff\xfe\n"])
def test_labels_that_cannot_be_used_are_refused(tmp_path, content):
    path = tmp_path / "labels.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LabelsError, match=r"labels\.txt "):
        read_labels(path)

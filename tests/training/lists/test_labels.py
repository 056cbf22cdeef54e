import pytest

from training.lists.labels import LabelsError, read_labels


def test_labels_are_the_lines_in_their_order(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("zumba\n tap dancing \r\nçelik çomak\n\n", encoding="utf-8")
    assert read_labels(path) == ("zumba", "tap dancing", "çelik çomak")


@pytest.mark.parametrize("content", [None, b"", b"a\n\nb\n", b"\xff\xfe\n"])
def test_labels_that_cannot_be_used_are_refused(tmp_path, content):
    path = tmp_path / "labels.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LabelsError, match=r"labels\.txt "):
        read_labels(path)

import pytest

from export.publishing.atomic import replacing


def test_the_file_appears_whole_when_the_block_ends(tmp_path):
    target = tmp_path / "labels.txt"
    target.write_text("old")
    with replacing(target) as aside:
        aside.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [target]


def fail_half_way(target):
    with replacing(target) as aside:
        aside.write_text("half")
        raise OSError("disk full")


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    target = tmp_path / "labels.txt"
    target.write_text("old")
    with pytest.raises(OSError, match="disk full"):
        fail_half_way(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]

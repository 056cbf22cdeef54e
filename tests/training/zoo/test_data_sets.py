import hashlib

import pytest

from tests.helpers.servers.file_server import serving
from training.lists.labels import LabelsError
from training.zoo.cache import PublishedFile
from training.zoo.data_sets import DATA_SETS, DataSet, find_labels
from training.zoo.download import DownloadError

CONTENT = b"Opening something\nClosing something\n"
PATH = "/lists/two/label_map.txt"


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_list_has_a_whole_digest_and_a_name_of_its_own(name):
    lists = [data_set.labels for data_set in DATA_SETS.values() if data_set.labels]
    labels = DATA_SETS[name].labels
    assert labels
    assert len(bytes.fromhex(labels.digest_start)) == 32
    assert sum(each.name == labels.name for each in lists) == 1


@pytest.fixture
def two(monkeypatch):
    """A list of two classes, and a mirror that serves it."""
    file = PublishedFile("https://lists.example" + PATH, hashlib.sha256(CONTENT).hexdigest(), "two-label_map.txt")
    monkeypatch.setitem(DATA_SETS, "two", DataSet("Two", 2, file))
    with serving({PATH: CONTENT}) as mirror:
        yield mirror


def test_a_published_list_is_found_by_its_name(two, tmp_path):
    for _ in range(2):
        assert find_labels("two", tmp_path, two.address) == ("Opening something", "Closing something")
    assert len(two.requests) == 1


def test_another_list_than_the_published_one_is_refused(two, tmp_path):
    two.files[PATH] = CONTENT.replace(b"Opening", b"Folding")
    with pytest.raises(DownloadError, match=r"label_map\.txt"):
        find_labels("two", tmp_path, two.address)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_labels_is_read(tmp_path):
    (tmp_path / "labels.txt").write_text("yes\nno\n")
    assert find_labels(str(tmp_path / "labels.txt")) == ("yes", "no")


def test_an_unknown_list_is_a_missing_file():
    with pytest.raises(LabelsError, match="sthv3"):
        find_labels("sthv3")

import fcntl
import hashlib
import random

import pytest

from tests.helpers.servers.file_server import serving
from training.checkpoints.download import DownloadError, download

CONTENT = random.Random(0).randbytes(3_000_000)
DIGEST_START = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture
def server():
    with serving({"/model.pth": CONTENT}) as running:
        yield running


def fetch(server, target, digest_start=DIGEST_START):
    """Download, and return the reported progress."""
    reports = []
    download(f"{server.address}/model.pth", target, digest_start, lambda *progress: reports.append(progress))
    return reports


def test_a_file_comes_whole_and_alone(server, tmp_path):
    target = tmp_path / "cache" / "model.pth"
    reports = fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert reports[0] == (0, len(CONTENT))
    assert reports[-1] == (len(CONTENT), len(CONTENT))


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    target = tmp_path / "model.pth"
    fetch(server, target)
    assert fetch(server, target) == []
    assert len(server.requests) == 1


def test_a_damaged_file_is_fetched_again(server, tmp_path):
    target = tmp_path / "model.pth"
    target.write_bytes(CONTENT[:-1])
    fetch(server, target)
    assert target.read_bytes() == CONTENT


def test_a_broken_download_goes_on(server, tmp_path):
    target = tmp_path / "model.pth"
    server.break_after = 1_000_000
    with pytest.raises(DownloadError, match="1000000 of 3000000 bytes"):
        fetch(server, target)
    assert not target.exists()
    server.break_after = None
    reports = fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert server.requests[-1] == ("/model.pth", "bytes=1000000-")
    assert reports[0] == (1_000_000, len(CONTENT))


def test_a_server_without_ranges_starts_over(server, tmp_path):
    target = tmp_path / "model.pth"
    server.break_after = 1_000_000
    with pytest.raises(DownloadError):
        fetch(server, target)
    server.break_after, server.ranges = None, False
    assert fetch(server, target)[0] == (0, len(CONTENT))
    assert target.read_bytes() == CONTENT


def test_a_download_that_was_killed_before_its_end_was_seen_is_accepted(server, tmp_path):
    (tmp_path / ".model.pth.part").write_bytes(CONTENT)
    fetch(server, tmp_path / "model.pth")
    assert (tmp_path / "model.pth").read_bytes() == CONTENT


def test_another_file_than_the_published_one_is_refused_and_removed(server, tmp_path):
    with pytest.raises(DownloadError, match=f"{DIGEST_START}.* 00000000"):
        fetch(server, tmp_path / "model.pth", "00000000")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_refused_and_removed(server, tmp_path):
    server.files["/model.pth"], server.ranges = b"", False
    with pytest.raises(DownloadError, match=DIGEST_START):
        fetch(server, tmp_path / "model.pth")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(server, tmp_path):
    del server.files["/model.pth"]
    with pytest.raises(DownloadError, match=r"http://.*/model\.pth: .*404"):
        fetch(server, tmp_path / "model.pth")
    assert list(tmp_path.iterdir()) == []


def test_a_dead_server_is_named(tmp_path):
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9/model\.pth .*refused"):
        download("http://127.0.0.1:9/model.pth", tmp_path / "model.pth", DIGEST_START, lambda *_: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_brings_nothing_leaves_nothing(server, tmp_path, ranges):
    server.break_after, server.ranges = 0, ranges
    with pytest.raises(DownloadError, match="0 of 3000000 bytes"):
        fetch(server, tmp_path / "model.pth")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["file:///etc/hostname", "mirror.local"])
def test_other_addresses_than_webs_are_refused(tmp_path, address):
    with pytest.raises(DownloadError, match=f"{address} .*https://"):
        download(address, tmp_path / "model.pth", DIGEST_START, lambda *_: None)


def test_two_processes_do_not_write_one_file(server, tmp_path):
    with (tmp_path / ".model.pth.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match=r"model\.pth .*another process"):
            fetch(server, tmp_path / "model.pth")
    assert server.requests == []

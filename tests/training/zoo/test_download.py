import fcntl
import hashlib
import random
import resource
import signal
from pathlib import Path

import pytest

from tests.helpers.servers.file_server import serving
from training.zoo.download import DownloadError, download

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


@pytest.mark.parametrize("address", ["ftp://mirror.local/model.pth", "mirror.local"])
def test_other_addresses_than_webs_and_files_are_refused(tmp_path, address):
    with pytest.raises(DownloadError, match=f"{address} "):
        download(address, tmp_path / "model.pth", DIGEST_START, lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_do_not_write_one_file(server, tmp_path):
    with (tmp_path / ".model.pth.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match=r"model\.pth .*another process"):
            fetch(server, tmp_path / "model.pth")
    assert server.requests == []


def test_a_file_that_another_process_has_just_finished_is_left_alone(server, tmp_path, monkeypatch):
    target, part = tmp_path / "model.pth", tmp_path / ".model.pth.part"
    part.write_bytes(CONTENT)
    server.ranges = False

    def finish_first(*_):
        part.rename(target)

    monkeypatch.setattr(fcntl, "flock", finish_first)
    with pytest.raises(DownloadError, match="another process"):
        fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert server.requests == []


def test_a_file_of_a_folder_is_copied_and_verified(tmp_path):
    (tmp_path / "a model.pth").write_bytes(CONTENT)
    target, address = tmp_path / "cache" / "model.pth", (tmp_path / "a model.pth").as_uri()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / ".model.pth.part").write_bytes(b"part of something else")
    reports = []
    download(address, target, DIGEST_START, lambda *progress: reports.append(progress))
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert reports[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize("content", [None, CONTENT[:-1]])
def test_a_file_that_a_folder_lacks_or_has_in_part_is_named(tmp_path, content):
    source, cache = tmp_path / "model.pth", tmp_path / "cache"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(DownloadError, match=source.name):
        download(source.as_uri(), cache / "model.pth", DIGEST_START, lambda *_: None)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(server):
    with pytest.raises(DownloadError, match="/proc/cache"):
        fetch(server, Path("/proc/cache/model.pth"))
    assert server.requests == []


def test_a_full_disk_keeps_what_came_for_the_next_time(server, tmp_path):
    target = tmp_path / "model.pth"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
    try:
        with pytest.raises(DownloadError, match=r"model\.pth .*too large"):
            fetch(server, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not target.exists()
    fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert server.requests[-1] == ("/model.pth", "bytes=1500000-")

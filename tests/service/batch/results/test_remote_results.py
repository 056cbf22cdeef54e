"""Results at an address: resumed, uploaded meanwhile and at the end, and kept here when that fails."""

from __future__ import annotations

import json
import os
import signal
import time
from types import SimpleNamespace

import fsspec
import pytest

from service.batch.errors import ResultsFileError
from service.batch.request import PredictOptions
from service.batch.results import remote_results
from service.batch.results.remote_results import open_remote_results
from service.batch.results.result import Failed
from tests.helpers.waiting import until

ADDRESS = "memory://bucket/runs/results.jsonl"
OPTIONS = PredictOptions("colours", "2", 1)


@pytest.fixture
def bucket():
    files = fsspec.filesystem("memory")
    files.pipe_file("/bucket/other.txt", b"")
    yield files
    files.rm("/bucket", recursive=True)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "results"


@pytest.fixture
def no_uploads(bucket, monkeypatch):
    """`start()` makes uploads to the bucket fail, `stop()` ends that."""
    put_file = type(bucket).put_file

    def fail(*_, **__):
        raise TimeoutError("no answer\nfor 5 s")

    def start():
        monkeypatch.setattr(type(bucket), "put_file", fail)

    return SimpleNamespace(start=start, stop=lambda: monkeypatch.setattr(type(bucket), "put_file", put_file))


def note(results, *names):
    for name in names:
        results.add(Failed(name, "not a video", lasts=True))


def run(folder, *names, then=None, address=ADDRESS):
    with open_remote_results(address, folder, OPTIONS) as results:
        known = set(results.unanswerable)
        note(results, *names)
        if then:
            then()
    return known


def interrupt():
    raise KeyboardInterrupt


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)


def names_at(bucket) -> list[str]:
    lines = bucket.cat_file("/bucket/runs/results.jsonl").splitlines()
    return [json.loads(line)["file"] for line in lines]


def test_results_are_at_the_address_in_the_end_and_nothing_is_left_here(bucket, folder):
    run(folder, "a", "b")
    assert names_at(bucket) == ["a", "b"]
    assert list(folder.iterdir()) == []


def test_a_run_continues_what_is_at_the_address(bucket, folder, tmp_path):
    run(folder, "a")
    assert run(tmp_path / "another machine", "b") == {"a"}
    assert names_at(bucket) == ["a", "b"]


@pytest.mark.parametrize(("end", "error"), [(interrupt, KeyboardInterrupt), (terminate, SystemExit)])
def test_a_run_that_is_ended_uploads(bucket, folder, end, error):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(error):
        run(folder, "a", then=end)
    assert names_at(bucket) == ["a"]
    assert list(folder.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before


def test_results_are_uploaded_meanwhile_and_failures_are_said(bucket, folder, monkeypatch, no_uploads, caplog):
    monkeypatch.setattr(remote_results, "SECONDS_BETWEEN_UPLOADS", 0.01)
    with open_remote_results(ADDRESS, folder, OPTIONS) as results:
        note(results, "a")
        until(lambda: names_at(bucket) == ["a"])
        no_uploads.start()
        note(results, "b")
        (working,) = folder.glob("*.jsonl")
        until(lambda: f"no answer for 5 s; the results are in {working}" in caplog.text)
        no_uploads.stop()
        until(lambda: names_at(bucket) == ["a", "b"])


def test_what_cannot_be_uploaded_is_kept_and_continued(bucket, folder, no_uploads):
    with pytest.raises(ResultsFileError) as failed:
        run(folder, "a", then=no_uploads.start)
    (working,) = folder.iterdir()
    assert str(working) in str(failed.value)
    assert "\n" not in str(failed.value)
    no_uploads.stop()
    assert run(folder, "b") == {"a"}
    assert names_at(bucket) == ["a", "b"]
    assert list(folder.iterdir()) == []


def test_an_address_that_cannot_be_written_is_refused_before_any_work(folder, no_uploads):
    no_uploads.start()
    with pytest.raises(ResultsFileError, match="cannot be written"):
        run(folder, then=pytest.fail)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("address", ["memory://bucket/other.txt", "memory://bucket", "nosuch://bucket/a"])
def test_what_is_no_results_file_is_refused_and_left(bucket, folder, address):
    bucket.pipe_file("/bucket/other.txt", b"other\n")
    with pytest.raises(ResultsFileError, match=address):
        run(folder, then=pytest.fail, address=address)
    assert bucket.cat_file("/bucket/other.txt") == b"other\n"
    assert list(folder.iterdir()) == []


def test_an_address_that_cannot_be_read_is_not_taken_for_an_empty_one(bucket, folder, monkeypatch):
    run(folder, "a")

    def fail(*_, **__):
        raise PermissionError("Forbidden")

    with monkeypatch.context() as broken:
        broken.setattr(type(bucket), "open", fail)
        with pytest.raises(ResultsFileError, match="Forbidden"):
            run(folder, then=pytest.fail)
    assert names_at(bucket) == ["a"]


def test_one_run_at_a_time_has_the_working_file(folder, bucket):
    with open_remote_results(ADDRESS, folder, OPTIONS) as results:
        with pytest.raises(ResultsFileError, match=f"another run writes to {ADDRESS}"):
            run(folder, then=pytest.fail)
        note(results, "a")
    assert names_at(bucket) == ["a"]


def test_results_that_were_left_are_not_mixed_with_others(bucket, folder, tmp_path, no_uploads):
    with pytest.raises(ResultsFileError):
        run(folder, "a", then=no_uploads.start)
    no_uploads.stop()
    run(tmp_path / "another machine", "b")
    (working,) = folder.iterdir()
    with pytest.raises(ResultsFileError, match=working.name):
        run(folder, then=pytest.fail)
    assert names_at(bucket) == ["b"]
    assert working.exists()

"""Tests of atomic file replacement, and of signals during it."""

import hashlib
import json
import signal

import pytest

from training.files import replace_file, replace_json, sha256_of, uninterrupted


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "log.json"
    replace_json(path, {"old": True})
    with pytest.raises(TypeError):
        replace_file(path, "not bytes")  # type: ignore[arg-type]
    assert json.loads(path.read_bytes()) == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made_and_the_file_is_readable_for_all(tmp_path):
    path = tmp_path / "new" / "folder" / "figures.bin"
    replace_file(path, b"content")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"content", 0o644)
    assert sha256_of(path) == hashlib.sha256(b"content").hexdigest()


@pytest.fixture
def heeds_interrupts():
    """Raise KeyboardInterrupt for SIGINT, which a shell's background job ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_interrupts")
def test_files_that_belong_together_are_both_written_before_an_interrupt(tmp_path):
    @uninterrupted()
    def write_both():
        replace_file(tmp_path / "weights", b"new")
        signal.raise_signal(signal.SIGINT)
        replace_file(tmp_path / "description", b"new")

    with pytest.raises(KeyboardInterrupt):
        write_both()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["description", "weights"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

"""Atomic replacement of files and folders."""

import os
import subprocess
import sys

import pytest

from service.store import atomic
from service.store.atomic import ASIDE, link_or_copy, locked, replace_folder, replacing
from tests.helpers.paths import REPOSITORY


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


def test_the_lock_removes_what_was_abandoned_and_nothing_that_is_being_written(tmp_path):
    (tmp_path / f"{ASIDE}abandoned").write_text("half")
    with replacing(tmp_path / "labels.txt") as aside:
        aside.write_text("new")
        with locked(tmp_path):
            assert list(tmp_path.iterdir()) == [aside]
    assert (tmp_path / "labels.txt").read_text() == "new"


def folder(path, content):
    path.mkdir()
    (path / "content").write_text(content)
    return path


@pytest.mark.parametrize("can_exchange", [True, False])
def test_the_new_folder_takes_the_place_of_the_old(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    target = folder(tmp_path / "target", "old")
    replace_folder(folder(tmp_path / "new", "new"), target, tmp_path / "old")
    assert (target / "content").read_text() == "new"
    left = tmp_path / ("new" if can_exchange else "old")
    assert (left / "content").read_text() == "old"


def test_a_first_folder_is_moved_into_place(tmp_path):
    replace_folder(folder(tmp_path / "new", "new"), tmp_path / "target", tmp_path / "old")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


EXCHANGE_OFTEN = """
import sys
from pathlib import Path
from service.store.atomic import replace_folder
for _ in range(2001):
    replace_folder(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
"""


def test_a_reader_never_finds_the_place_empty(tmp_path):
    target, other = folder(tmp_path / "target", "0"), folder(tmp_path / "other", "1")
    seen = {(target / "content").read_text()}
    command = [sys.executable, "-c", EXCHANGE_OFTEN, str(other), str(target), str(tmp_path / "old")]
    with subprocess.Popen(command, cwd=REPOSITORY) as writer:
        while writer.poll() is None:
            seen.add((target / "content").read_text())
    assert writer.returncode == 0
    assert seen | {(target / "content").read_text()} == {"0", "1"}


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_is_linked_or_copied(tmp_path, monkeypatch, has_links):
    def refuse(*_):
        raise OSError("no links here")

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "source").write_text("content")
    link_or_copy(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "content"
    assert (tmp_path / "target").samefile(tmp_path / "source") == has_links

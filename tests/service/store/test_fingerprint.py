"""Fingerprint: changes with any file, and an unchanged folder is not read again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from service.store.fingerprint import fingerprint_of
from service.store.model_store import sha256_of

Publish = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, publish: Publish) -> Path:
    return publish(tmp_path, "colours", "1")


def test_what_is_known_is_returned_as_it_is(folder: Path) -> None:
    known = fingerprint_of(folder)
    assert known.manifest_sha256 == sha256_of(folder / "manifest.json")
    assert fingerprint_of(folder, known) is known


@pytest.mark.parametrize("file", ["manifest.json", "model.onnx"])
def test_a_file_of_the_same_size_in_its_place_is_noticed(folder: Path, file: str) -> None:
    known, path = fingerprint_of(folder), folder / file
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    times = path.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)
    found = fingerprint_of(folder, known)
    assert found.files != known.files
    assert found.manifest_sha256 == known.manifest_sha256


def test_a_folder_that_is_gone_is_empty(tmp_path: Path) -> None:
    fingerprint = fingerprint_of(tmp_path / "nothing")
    assert (fingerprint.files, fingerprint.manifest_sha256) == (frozenset(), "")

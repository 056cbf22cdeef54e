"""Serving policy: valid ones are read, and anything else is refused in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.store.policy import (
    LATEST,
    MAX_BYTES,
    POLICY_FILE,
    Pinned,
    PolicyRefused,
    ServingPolicy,
    read_policy,
    unknown_versions,
)

VERSIONS = ["1", "2", "3", "10"]


def policy_of(folder: Path, text: str | bytes) -> ServingPolicy:
    (folder / POLICY_FILE).write_bytes(text.encode() if isinstance(text, str) else text)
    return read_policy(folder)


@pytest.mark.parametrize(
    ("text", "loaded", "candidates"),
    [
        ('{"serve": "latest"}', VERSIONS, ["10", "3", "2", "1"]),
        ('{"serve": [1, 3]}', ["1", "3"], ["3", "1"]),
        ('{"serve": ["10"]}', ["10"], ["10"]),
        ('{"serve": {"pinned": 2}}', VERSIONS, ["2"]),
        ('{"serve": {"pinned": "2"}}', VERSIONS, ["2"]),
        (b'\xef\xbb\xbf{"serve": [1]}', ["1"], ["1"]),
        ("{}", VERSIONS, ["10", "3", "2", "1"]),
    ],
)
def test_a_policy_says_what_is_loaded_and_what_answers(
    tmp_path: Path, text: str, loaded: list[str], candidates: list[str]
) -> None:
    policy = policy_of(tmp_path, text)
    assert [version for version in VERSIONS if policy.loads(version)] == loaded
    assert policy.candidates(VERSIONS) == candidates


def test_without_a_file_the_newest_version_answers(tmp_path: Path) -> None:
    assert read_policy(tmp_path) == LATEST == ServingPolicy()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"latest"',
        '{"serve": "newest"}',
        '{"serve": []}',
        '{"serve": [true]}',
        '{"serve": [1.5]}',
        '{"serve": [-1]}',
        '{"serve": ["../../etc"]}',
        '{"serve": [".aside-1"]}',
        '{"serve": {"pinned": null}}',
        '{"serve": {"pinned": "2/../3"}}',
        '{"serve": {"pinned": 2, "until": "monday"}}',
        '{"serve": "latest", "more": 1}',
        '{"serve": [' + "9" * 5000 + "]}",
        "[" * 10_000,
        '{"serve": "latest"}' + " " * MAX_BYTES,
        b"\xff\xfe\x00",
    ],
)
def test_anything_else_is_refused_in_one_line(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(PolicyRefused) as refused:
        policy_of(tmp_path, text)
    assert len(str(refused.value).splitlines()) == 1
    assert f"{tmp_path.name}/{POLICY_FILE}" in str(refused.value)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make) -> None:
    make(tmp_path / POLICY_FILE)
    with pytest.raises(PolicyRefused):
        read_policy(tmp_path)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (LATEST, "latest"),
        (ServingPolicy(serve=("1", "v3", "03")), "1, v3, 03"),
        (ServingPolicy(serve=Pinned(pinned="2")), "pinned 2"),
    ],
)
def test_what_is_written_is_read_again(tmp_path: Path, policy: ServingPolicy, text: str) -> None:
    assert policy_of(tmp_path, policy.model_dump_json()) == policy
    assert str(policy) == text


def test_numbers_are_written_as_numbers() -> None:
    policy = ServingPolicy.model_validate({"serve": ["1", "v3", "03"]})
    assert json.loads(policy.model_dump_json()) == {"serve": [1, "v3", "03"]}


def test_a_version_is_taken_out() -> None:
    assert ServingPolicy(serve=("1", "3")).without("3") == ServingPolicy(serve=("1",))
    assert ServingPolicy(serve=("3",)).without("3") == LATEST
    assert ServingPolicy(serve=Pinned(pinned="2")).without("2") == LATEST


def test_versions_that_the_store_lacks_are_found() -> None:
    assert unknown_versions(ServingPolicy(serve=("1", "7")), VERSIONS) == ["7"]
    assert unknown_versions(LATEST, []) == []


def test_a_policy_that_names_no_version_in_a_list_is_none() -> None:
    with pytest.raises(ValidationError):
        ServingPolicy(serve=())

"""TorchServe's inference key: read, replaced, renewed, refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.backends.torchserve.token import RENEWING_SECONDS, InferenceKey, KeyRefused
from tests.helpers.servers.scripted_server import BAD_KEY, HEALTHY, Reply, ScriptedServer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "key_file.json"


def write(file: Path, inference: str, seconds_left: float = 3600.0) -> None:
    # TorchServe gives nanoseconds.
    expires = (datetime.now(UTC) + timedelta(seconds=seconds_left)).strftime("%Y-%m-%dT%H:%M:%S.%f123Z")
    keys = {"inference": {"key": inference, "expiration time": expires}, "API": {"key": "the API's"}}
    file.write_text(json.dumps({"management": {"key": "m", "expiration time": expires}, **keys}))


def test_what_was_written_anew_is_read_anew(file: Path) -> None:
    key = InferenceKey(file)
    for name in ("first", "second"):
        write(file, name)
        assert key.current() == name


def test_a_file_that_is_gone_or_half_written_leaves_the_key_as_it_was(file: Path) -> None:
    write(file, "first")
    key = InferenceKey(file)
    assert key.current() == "first"
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2])
    assert key.current() == "first"
    file.unlink()
    assert key.current() == "first"
    write(file, "second")
    assert key.current() == "second"


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), ("{}", "key file")])
def test_no_key_at_all(file: Path, content: str | None, reason: str) -> None:
    if content is not None:
        file.write_text(content)
    with pytest.raises(KeyRefused, match=rf"key_file\.json.*{reason}"):
        InferenceKey(file).current()


def test_a_refused_key_without_another_is_told(file: Path) -> None:
    write(file, "first")
    with pytest.raises(KeyRefused, match=r"key_file\.json"):
        InferenceKey(file).instead_of("first")


def test_only_a_key_that_is_about_to_expire_is_renewed(file: Path) -> None:
    def renew(method: str, path: str) -> Reply:
        write(file, "renewed")
        return HEALTHY

    with ScriptedServer(renew) as management:
        key = InferenceKey(file, management.url)
        write(file, "first", RENEWING_SECONDS + 5)
        key.renew_in_time()
        assert key.current() == "first"
        write(file, "first", RENEWING_SECONDS - 1)
        key.renew_in_time()
    assert key.current() == "renewed"
    assert management.calls == [("/token?type=inference", "Bearer the API's")]


def test_a_management_api_that_refuses_or_is_not_there_is_told(file: Path) -> None:
    write(file, "first", 1)
    with ScriptedServer(lambda method, path: BAD_KEY) as management:
        key = InferenceKey(file, management.url)
        with pytest.raises(KeyRefused, match="400"):
            key.renew_in_time()
    with pytest.raises(KeyRefused, match="ConnectError"):
        key.renew_in_time()
    assert key.current() == "first"

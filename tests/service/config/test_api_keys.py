"""API keys of a file: read again when it changes, and kept when it becomes unreadable."""

from __future__ import annotations

import logging

import httpx
import pytest

from service.config.api_keys import ApiKeys, BadKeyFile, read_keys
from service.config.settings import Settings


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "keys"
    path.write_text("# of the web app\none\n\n  two  \n")
    return path


def replace(file, text: str) -> None:
    """Put another file in its place, as careful operators do."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def test_a_key_a_line(file):
    assert read_keys(file) == ("one", "two")
    file.write_bytes("\ufeff#\r\nsécond\r\n".encode())
    assert read_keys(file) == ("sécond",)


@pytest.mark.parametrize("text", [b"", b"# only a comment\n", b"\xff\xfe\n", b"a key\n", b"good\nb\0d\n", b"a\tb"])
def test_a_file_that_is_none_is_refused_without_its_keys(file, text):
    file.write_bytes(text)
    with pytest.raises(BadKeyFile, match="TIN_API_KEYS_FILE") as refused:
        ApiKeys(Settings(api_keys_file=file)).current()
    assert "good" not in str(refused.value)
    with pytest.raises(BadKeyFile, match="No such file"):
        read_keys(file / "none" if file.is_dir() else file.with_name("none"))


def test_a_change_takes_effect_at_once(file):
    keys = ApiKeys(Settings(api_keys="fixed", api_keys_file=file))
    assert keys.current() == ("fixed", "one", "two")
    replace(file, "three\n")
    assert keys.current() == ("fixed", "three")


def test_a_file_that_breaks_leaves_the_keys_and_is_logged_once(file, caplog):
    keys = ApiKeys(Settings(api_keys_file=file))
    assert keys.current() == ("one", "two")
    with caplog.at_level(logging.INFO, logger="service"):
        for break_it in (lambda: replace(file, "a new\n"), file.unlink):
            break_it()
            assert keys.current() == keys.current() == ("one", "two")
        assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
        replace(file, "three\n")
        assert keys.current() == ("three",)
    assert not any(key in caplog.text for key in ("one\n", "two", "three", "a new"))


def test_without_a_file_only_the_setting_counts():
    assert ApiKeys(Settings(api_keys="a, b")).current() == ("a", "b")
    assert ApiKeys(Settings()).current() == ()


def test_a_server_follows_its_file(start_service, store, file):
    url = f"{start_service(model_store=store, api_keys_file=file)}/predict"

    def status(key: str) -> int:
        return httpx.post(url, headers={"X-API-Key": key}).status_code

    assert [status("one"), status("three")] == [422, 401]
    replace(file, "three\n")
    assert [status("one"), status("three")] == [401, 422]


def test_a_server_does_not_start_without_its_file(run_cli, file):
    file.unlink()
    done = run_cli("serve", "--port", "0", TIN_API_KEYS_FILE=str(file))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert str(file) in done.stderr

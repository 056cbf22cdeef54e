"""Settings: described, read from the environment, and checked."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from service.config.settings import Settings


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIN_PORT", "8123")
    assert Settings().port == 8123
    assert Settings(port=9000).port == 9000


def test_the_bytes_held_must_fit_the_largest_upload() -> None:
    assert Settings(max_upload_bytes=10).max_upload_bytes_held == 50
    with pytest.raises(ValidationError, match="max_upload_bytes_held"):
        Settings(max_upload_bytes=10, max_upload_bytes_held=9)

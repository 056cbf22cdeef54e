"""Settings: described, read from the environment, and checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.config.settings import Settings
from tests.helpers.paths import REPOSITORY


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIN_PORT", "8123")
    assert Settings().port == 8123
    assert Settings(port=9000).port == 9000


def test_port_counts_where_tin_port_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8080")
    assert Settings().port == 8080
    monkeypatch.setenv("TIN_PORT", "tcp://10.0.0.7:8000")  # a Service of Kubernetes
    assert Settings().port == 8080
    monkeypatch.setenv("TIN_PORT", "8123")
    assert Settings().port == 8123
    assert Settings(port=0).port == 0
    monkeypatch.delenv("TIN_PORT")
    monkeypatch.setenv("PORT", "web")
    with pytest.raises(ValidationError, match="port"):
        Settings()


def test_the_bytes_held_must_fit_the_largest_upload() -> None:
    assert Settings(max_upload_bytes=10).max_upload_bytes_held == 50
    with pytest.raises(ValidationError, match="max_upload_bytes_held"):
        Settings(max_upload_bytes=10, max_upload_bytes_held=9)


def test_teaching_needs_a_folder_and_a_store_that_is_looked_at(tmp_path: Path) -> None:
    assert Settings(teach_folder=None, teach=False).teach is False
    with pytest.raises(ValidationError, match="TIN_TEACH_FOLDER"):
        Settings(teach=True)
    with pytest.raises(ValidationError, match="TIN_STORE_POLL_SECONDS"):
        Settings(teach=True, teach_folder=tmp_path, store_poll_seconds=0)


def test_affinity_counts_in_every_default() -> None:
    code = "from service.config.settings import Settings; s = Settings(); "
    code += "print(s.decoders, s.max_queue, s.max_queue_per_key)"
    one_core = f"import os; os.sched_setaffinity(0, [{min(os.sched_getaffinity(0))}]); {code}"
    done = subprocess.run([sys.executable, "-c", one_core], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "4", "1"]

"""Opening one model: by name, by default, and past versions that are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.config.settings import Settings
from service.models.open_model import check_store, open_model
from service.models.registry import NoModelReady
from service.store.model_store import ModelNotFound


def opened(store: Path, name: str | None = None, version: str | None = None, **settings: Any) -> tuple[str, str]:
    model = open_model(Settings(model_store=store, **settings), name, version)
    model.backend.close()
    return model.name, model.version


def test_the_first_model_that_loads_is_the_default(store: Path) -> None:
    assert opened(store) == ("colours", "2")
    assert opened(store, version="1") == ("colours", "1")


def test_the_newest_version_that_loads_is_taken(store: Path, publish: Callable[..., Path], tmp_path: Path) -> None:
    publish(tmp_path, "colours", "1")
    shutil.copytree(store / "broken" / "1", tmp_path / "colours" / "2")
    assert opened(tmp_path, "colours") == ("colours", "1")


def test_the_settings_may_name_the_default(store: Path) -> None:
    with pytest.raises(NoModelReady, match="unproven/1/model"):
        opened(store, default_model="unproven")
    assert opened(store, "colours", default_model="unproven") == ("colours", "2")


def test_a_model_that_is_refused_is_named_with_the_reason(store: Path) -> None:
    with pytest.raises(NoModelReady, match="broken/1/model"):
        opened(store, "broken")


def test_unknown_names_are_errors(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="'nothing'"):
        opened(store, "nothing")
    with pytest.raises(ModelNotFound, match="'7'"):
        opened(store, "colours", "7")
    with pytest.raises(ModelNotFound, match="nowhere"):
        check_store(tmp_path / "nowhere")
    with pytest.raises(ModelNotFound, match=tmp_path.name):
        check_store(tmp_path)

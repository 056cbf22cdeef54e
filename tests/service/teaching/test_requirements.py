"""Requirements of teaching."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.config.settings import Settings
from service.teaching import requirements
from service.teaching.errors import BadTeachFolder
from service.teaching.requirements import check_teach_folder, why_not_trainable


def settings(store: Path, folder: Path) -> Settings:
    store.mkdir(exist_ok=True)
    return Settings(model_store=store, teach=True, teach_folder=folder)


def test_the_folder_is_made(tmp_path: Path) -> None:
    check_teach_folder(settings(tmp_path / "store", tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()
    check_teach_folder(Settings(model_store=tmp_path))


@pytest.mark.parametrize("folder", ["file", "file/below", "store", "store/takes"])
def test_a_folder_that_cannot_hold_takes_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadTeachFolder, match="TIN_TEACH_FOLDER"):
        check_teach_folder(settings(tmp_path / "store", tmp_path / folder))


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not_trainable(tmp_path) is None
    assert "cannot be written to" in str(why_not_trainable(tmp_path / "none"))
    monkeypatch.setattr(requirements, "LIBRARIES", ("json", "no_such_library"))
    reason = str(why_not_trainable(tmp_path))
    assert "no_such_library" in reason
    assert "[export]" in reason

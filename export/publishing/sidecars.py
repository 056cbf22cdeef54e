"""What other servers find beside a model's versions: Triton its configuration, TorchServe the archive it loads."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from export.formats.catalogue import ARCHIVE_FILE, TRITON
from export.formats.triton_config import CONFIG_FILE, to_triton
from export.publishing.atomic import locked, replacing
from service.store.model_store import ModelStore


def show_to_others(store: Path, name: str, formats: Sequence[str]) -> None:
    """Bring up to date what lies beside the versions: Triton's files when asked for or there, the newest archive.

    Raises ExportError when Triton cannot take the versions, StoreError and OSError.
    """
    if TRITON in formats or (store / name / CONFIG_FILE).exists():
        with locked(store / name):
            to_triton(store, name)
    archives = [store / name / version / ARCHIVE_FILE for version in ModelStore(store).versions_of(name)]
    newest = [archive for archive in archives if archive.exists()][-1:]
    for archive in newest:
        with locked(store):
            _link(archive, store / f"{name}.mar")


def _link(archive: Path, target: Path) -> None:
    """The same file under a second name, or a copy where the file system has no second names."""
    with replacing(target) as aside:
        aside.unlink()
        try:
            os.link(archive, aside)
        except OSError:
            shutil.copyfile(archive, aside)

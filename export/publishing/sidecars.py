"""Sidecars of a model's versions: Triton's configuration beside them, and TorchServe's archive at the store's root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from export.formats.catalogue import ARCHIVE_FILE, TRITON
from export.formats.triton_config import CONFIG_FILE, to_triton
from service.store.atomic import link_or_copy, locked, replacing
from service.store.model_store import ModelStore


def update_sidecars(store: Path, name: str, formats: Sequence[str]) -> None:
    """Write Triton's files if `formats` has them or they exist, and link the newest version's archive to <name>.mar.

    Raises ExportError when Triton cannot serve the versions; StoreError and OSError.
    """
    if TRITON in formats or (store / name / CONFIG_FILE).exists():
        with locked(store / name):
            write_triton_files(store, name)
    archives = [store / name / version / ARCHIVE_FILE for version in ModelStore(store).versions_of(name)]
    newest = [archive for archive in archives if archive.exists()][-1:]
    for archive in newest:
        with locked(store), replacing(store / f"{name}.mar") as aside:
            aside.unlink()
            link_or_copy(archive, aside)


def write_triton_files(store: Path, name: str) -> None:
    """Replace config.pbtxt and labels.txt of a model, each atomically.

    Raises the errors of `to_triton`; the files are then unchanged.
    """
    for file, text in to_triton(store, name).items():
        with replacing(store / name / file) as aside:
            aside.write_text(text, encoding="utf-8")

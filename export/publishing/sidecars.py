"""Sidecars of a model's versions: Triton's configuration beside them, and TorchServe's archive at the store's root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from export.formats.catalogue import TRITON
from export.formats.triton_config import CONFIG_FILE, to_triton
from service.store.atomic import locked, replacing
from service.store.policy import read_policy
from service.store.sidecars import follow_policy, with_version_policy


def update_sidecars(store: Path, name: str, formats: Sequence[str]) -> None:
    """Write Triton's files if `formats` has them or they exist, and let <name>.mar follow the model's policy.

    Raises ExportError when Triton cannot serve the versions; StoreError and OSError.
    """
    if TRITON in formats or (store / name / CONFIG_FILE).exists():
        with locked(store / name):
            write_triton_files(store, name)
    with locked(store):
        follow_policy(store, name)


def write_triton_files(store: Path, name: str) -> None:
    """Replace config.pbtxt and labels.txt of a model, each atomically.

    Raises the errors of `to_triton`, and PolicyRefused; the files are then unchanged.
    """
    texts = to_triton(store, name)
    texts[CONFIG_FILE] = with_version_policy(texts[CONFIG_FILE], read_policy(store / name))
    for file, text in texts.items():
        with replacing(store / name / file) as aside:
            aside.write_text(text, encoding="utf-8")

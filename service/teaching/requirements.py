"""Requirements of teaching: a folder and a store that can be written to, and the libraries that train."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from service.config.settings import Settings
from service.store.addresses import address_of
from service.teaching.errors import BadTeachFolder

LIBRARIES = ("torch", "safetensors", "yaml", "onnx", "onnxscript")
"""Modules of the extra `export`, by which `tin finetune` trains and exports."""


def check_teach_folder(settings: Settings) -> None:
    """Make the folder of the takes where there is none; raise BadTeachFolder where it cannot be used."""
    folder = settings.teach_folder
    if not settings.teach or folder is None:
        return
    if address := address_of(settings.model_store):
        raise BadTeachFolder(f"TIN_TEACH=true needs a model store that is a folder, not {address}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadTeachFolder(f"TIN_TEACH_FOLDER {folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadTeachFolder(f"TIN_TEACH_FOLDER {folder} cannot be written to")
    if folder.resolve().is_relative_to(settings.model_store.resolve()):
        raise BadTeachFolder(f"TIN_TEACH_FOLDER {folder} is in the model store; name a folder of its own")


def why_not_trainable(store: Path) -> str | None:
    """Return the reason why nothing can be trained here, None where it can; no library is imported."""
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        return f"training needs {missing[0]}, which is not installed: pip install -c constraints.txt -e .[export]"
    if not os.access(store, os.W_OK | os.X_OK):
        return f"the model store {store} cannot be written to, so a new model has no place"
    return None

"""Weights that a fine-tuning run starts from: a model of the store, a file, or a published checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from export.errors import ExportError
from service.store.model_store import ModelStore, StoredModel, listed
from service.store.policy import read_policy
from training.zoo.catalogue import CATALOGUE
from training.zoo.hub import SCHEME
from training.zoo.start import Start, read_start
from training.zoo.weights import OWN

ORIGIN = "finetuned_from"
"""Key of a manifest's `training`: the weights that a model was fine-tuned from, such as "tin-motion/1"."""


def find_start(source: str | None, store: Path) -> Start:
    """Find the weights to start from.

        find_start("tin-motion/1", Path("model_store")).title    # "tin-motion/1"

    Args:
        source: NAME or NAME/VERSION of the store, a .safetensors or .pth file, a name of `tin zoo list` or an address
            of the hub. None for the first model of the store; one that was fine-tuned stands for what it started from.
        store: The model store.

    Raises:
        ExportError: There is no such model, file or published checkpoint.
        StoreError: The model of the store is damaged.
        BadInput: The weights cannot be fetched or read.
    """
    models = ModelStore(store)
    if source is None:
        return _of_store(_first_origin(models))
    name, _, version = source.partition("/")
    if name in models.versions() and not Path(source).is_file():
        return _of_store(_open(models, name, version))
    if source in CATALOGUE or source.startswith(SCHEME) or source.endswith((".pth", OWN)):
        return read_start(source)
    raise ExportError(
        f"--from {source} is no model of {store}, which holds {listed(models.versions())}, no .safetensors or .pth "
        "file, and no name of `tin zoo list`"
    )


def _open(models: ModelStore, name: str, version: str = "") -> StoredModel:
    """Open a version of a model; without one, the first that its policy prefers."""
    versions = models.versions_of(name)
    preferred = read_policy(models.root / name).candidates(versions) or versions[::-1]
    return models.open(name, version or preferred[0])


def _first_origin(models: ModelStore) -> StoredModel:
    """Return the store's first model, or the one in the store that it was fine-tuned from, however often."""
    stored = models.versions()
    if not stored:
        raise ExportError(f"{models.root} holds no model to start from; name one with --from, such as --from resnet50")
    model = _open(models, next(iter(stored)))
    while (origin := _origin_of(model.manifest.training)) and origin[0] in stored and origin[1] in stored[origin[0]]:
        model = models.open(*origin)
    return model


def _origin_of(training: dict[str, Any]) -> tuple[str, str] | None:
    name, _, version = str(training.get(ORIGIN, "")).partition("/")
    return (name, version) if version else None


def _of_store(model: StoredModel) -> Start:
    manifest = model.manifest
    return read_start(str(model.path_of(manifest.checkpoint)), f"{manifest.name}/{manifest.version}")

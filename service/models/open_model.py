"""Open one model of the store by name; the others are neither checked nor loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from service.backends.base import BackendError
from service.config.settings import Settings
from service.models.artifact_selection import Capabilities
from service.models.registry import LoadedModel, NoModelReady, load
from service.store.model_store import ModelNotFound, ModelRefused, ModelStore


def open_model(settings: Settings, name: str | None = None, version: str | None = None) -> LoadedModel:
    """Load a model as `Registry.get` chooses it: the newest version that loads, by default of the first such model.

        model = open_model(Settings(), "tin-motion")

    Args:
        settings: Names the store, the default model and the backend.
        name: The model's name; None for the default model.
        version: Its version; None for the newest that loads.

    Raises ModelNotFound for a store, model or version that does not exist, and NoModelReady when none loads; its
    message says why each was refused.
    """
    check_store(settings.model_store)
    store, capabilities, refused = ModelStore(settings.model_store), Capabilities.detect(), []
    for candidate, its_version in _candidates(store, name or settings.default_model, version):
        try:
            return load(store.open(candidate, its_version), settings, capabilities)
        except (ModelRefused, BackendError) as error:
            refused.append(f"{candidate} {its_version} is refused: {error}")
    raise NoModelReady("; ".join(refused))


def check_store(folder: Path) -> None:
    """Raise ModelNotFound when there is no such folder or no model in it."""
    if not folder.is_dir():
        raise ModelNotFound(f"there is no model store at {folder}; name one with --store or TIN_MODEL_STORE")
    if not ModelStore(folder).versions():
        raise ModelNotFound(f"the model store at {folder} is empty; a model is <name>/<version>/manifest.json in it")


def _candidates(store: ModelStore, name: str | None, version: str | None) -> Iterator[tuple[str, str]]:
    if name is None:
        for each in store.versions():
            yield from _candidates(store, each, version)
    elif version is not None:
        yield name, version
    else:
        yield from ((name, each) for each in reversed(store.versions_of(name)))

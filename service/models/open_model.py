"""Open one model of the store by name; the others are neither checked nor loaded."""

from __future__ import annotations

from pathlib import Path

from service.backends.base import BackendError
from service.config.settings import Settings
from service.models.capabilities import Capabilities
from service.models.loading import load
from service.models.local_store import local_store
from service.models.registry import NoModelReady
from service.models.versions import LoadedModel
from service.store.model_store import ModelNotFound, ModelRefused, ModelStore, listed
from service.store.policy import PolicyRefused, read_policy


def open_model(settings: Settings, name: str | None = None, version: str | None = None) -> LoadedModel:
    """Load a model as a service would choose it: the version that its policy prefers, of the first model by default.

        model = open_model(Settings(), "tin-motion")

    Args:
        settings: Names the store, the default model and the backend.
        name: The model's name; None for the default model.
        version: Its version, whatever the policy; None for the policy's first choice that loads.

    Raises ModelNotFound for a store, model or version that does not exist, and NoModelReady when none loads; its
    message says why each was refused.
    """
    settings = local_store(settings)
    check_store(settings.model_store)
    store, refused = ModelStore(settings.model_store), []
    name = name or settings.default_model
    for candidate in [name] if name else store.versions():
        try:
            return _open_version(store, candidate, version, settings)
        except NoModelReady as error:
            refused.append(str(error))
    raise NoModelReady("; ".join(refused))


def check_store(folder: Path) -> None:
    """Raise ModelNotFound when there is no such folder or no model in it."""
    if not folder.is_dir():
        raise ModelNotFound(f"there is no model store at {folder}; name one with --store or TIN_MODEL_STORE")
    if not ModelStore(folder).versions():
        raise ModelNotFound(f"the model store at {folder} is empty; a model is <name>/<version>/manifest.json in it")


def _open_version(store: ModelStore, name: str, version: str | None, settings: Settings) -> LoadedModel:
    refused = []
    for candidate in [version] if version else _preferred(store, name):
        try:
            return load(store.open(name, candidate), settings, Capabilities.detect(settings.devices()))
        except (ModelRefused, BackendError) as error:
            refused.append(f"{name} {candidate} is refused: {error}")
    raise NoModelReady("; ".join(refused))


def _preferred(store: ModelStore, name: str) -> list[str]:
    versions = store.versions_of(name)
    try:
        policy = read_policy(store.root / name)
    except PolicyRefused as error:
        raise NoModelReady(str(error)) from error
    candidates = policy.candidates(versions)
    if not candidates:
        raise NoModelReady(f"the policy of {name} is {policy}, but its versions are {listed(versions)}")
    return candidates

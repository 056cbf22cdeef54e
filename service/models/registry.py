"""Registry: the loaded and refused versions of a model store.

RegistryError
├── NoModelReady       no version of the store, or of the model asked for, can be served
└── ModelUnavailable   the version is there but was refused; the message says why
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.backends.base import BackendError, DeviceLost
from service.config.settings import Settings
from service.models.capabilities import Capabilities
from service.models.loading import load
from service.models.local_store import local_store
from service.models.policy_in_force import UNREAD, PolicyInForce
from service.models.versions import LoadedModel, RefusedModel, UnloadedModel, Version, VersionedModel
from service.store.fingerprint import Fingerprint, fingerprint_of
from service.store.model_store import ModelNotFound, ModelStore, StoreError, listed

RENAMING_SECONDS = 0.2
"""Wait before a missing version counts as removed: some file systems replace a folder in two renames."""


class RegistryError(Exception):
    """Base of what the registry raises, besides the store's ModelNotFound."""


class NoModelReady(RegistryError):
    """No model, or no version of the requested one, is loaded."""


class ModelUnavailable(RegistryError):
    """The version exists but is not served."""


class Registry:
    """The versions of a store; a refused one does not affect the others.

        Registry.open(Settings(model_store=Path("model_store"))).get("tin-motion")

    Thread-safe for readers: they see one state of the store or the next, never a mixture.
    """

    def __init__(self, versions: Mapping[str, Sequence[Version]], default_model: str | None = None) -> None:
        self._models: Mapping[str, VersionedModel] = {
            name: VersionedModel(tuple(of_one_model)) for name, of_one_model in versions.items()
        }
        self._default_model = default_model
        self._default_so_far: str | None = None

    @classmethod
    def open(cls, settings: Settings) -> Registry:
        """Load every version of `settings.model_store`."""
        registry = cls({}, settings.default_model)
        registry.refresh(settings)
        return registry

    def refresh(self, settings: Settings) -> None:
        """Bring the registry up to date with its store; only new and replaced versions are read, checked and loaded.

        A model that a request holds stays usable. Blocks while models load; call it from one thread at a time.
        """
        store = ModelStore(local_store(settings).model_store)
        known = {version.key: version for version in self.all()}
        self.replace_all(
            {
                name: _refreshed(self._models.get(name), known, store, name, versions, settings)
                for name, versions in _versions_of(store, known).items()
            }
        )

    def replace_all(self, models: Mapping[str, VersionedModel]) -> None:
        """Replace all models, as by those of a registry in another process."""
        self._models = models
        self._default_so_far = _default_loaded(models, self._default_so_far)

    def models(self) -> Mapping[str, VersionedModel]:
        """Return the models with their versions and policies, by name."""
        return self._models

    def all(self) -> list[Version]:
        """Return the loaded and refused versions, by name, oldest first."""
        return [version for model in self._models.values() for version in model.versions]

    def refused(self) -> list[RefusedModel]:
        """Return the versions that are not served."""
        return [version for version in self.all() if isinstance(version, RefusedModel)]

    def get(self, name: str | None = None, version: str | None = None) -> LoadedModel:
        """Return a model by name and version: by default the default model, and the version that its policy chooses.

        Without a default in the settings it is the first model that can answer, for as long as it can.
        Raises ModelNotFound, ModelUnavailable or NoModelReady.
        """
        models = self._models
        chosen = self._default_name(models) if name is None else name
        if chosen not in models:
            raise ModelNotFound(f"no model {chosen!r} here; the models are {listed(models)}")
        if version is not None:
            return _exactly(models[chosen].versions, chosen, version)
        return _by_policy(models[chosen], chosen)

    def lost_device(self) -> DeviceLost | None:
        """Return the error of a model whose GPU is lost, which only a new process can use again; None without one."""
        for version in self.all():
            if isinstance(version, LoadedModel) and isinstance(error := version.failure(), DeviceLost):
                return error
        return None

    def close(self) -> None:
        """Free every backend."""
        for version in self.all():
            if isinstance(version, LoadedModel):
                version.backend.close()

    def _default_name(self, models: Mapping[str, VersionedModel]) -> str:
        wanted = self._default_model
        if wanted is not None and wanted not in models:
            raise NoModelReady(f"the default model {wanted!r} is not in the store")
        default = wanted or _default_loaded(models, self._default_so_far)
        if default is None:
            raise NoModelReady("no model is loaded; GET /models says why")
        return default


def _default_loaded(models: Mapping[str, VersionedModel], so_far: str | None) -> str | None:
    """Return the default so far if it has a version to answer with, else the first model that has."""
    if so_far is not None and so_far in models and models[so_far].preferred:
        return so_far
    return next((name for name, model in models.items() if model.preferred), None)


def _by_policy(model: VersionedModel, name: str) -> LoadedModel:
    default = model.default()
    if default is None:
        policy = model.policy.policy or model.policy.reason
        raise NoModelReady(f"no version of model {name!r} answers, by its policy: {policy}; GET /models says why")
    return default


def _exactly(versions: Sequence[Version], name: str, version: str) -> LoadedModel:
    by_version = {candidate.version: candidate for candidate in versions}
    found = by_version.get(version)
    if found is None:
        raise ModelNotFound(f"model {name!r} has no version {version!r}; its versions are {listed(by_version)}")
    if isinstance(found, RefusedModel):
        raise ModelUnavailable(f"{name} {version} is not served: {found.reason}")
    return found


def _versions_of(store: ModelStore, known: Mapping[tuple[str, str], Version]) -> dict[str, list[str]]:
    found = store.versions()
    if any(version not in found.get(name, ()) for name, version in known):
        time.sleep(RENAMING_SECONDS)
        return store.versions()
    return found


def _refreshed(
    before: VersionedModel | None,
    known: Mapping[tuple[str, str], Version],
    store: ModelStore,
    name: str,
    versions: Sequence[str],
    settings: Settings,
) -> VersionedModel:
    """Return a model as its files and its policy are now; versions that the policy does not load are not read.

    A policy that is new loads its versions before those of the old one are let go.
    """
    policy = (before.policy if before else UNREAD).read(store.root / name, versions)
    current = {
        version: _current(known.get((name, version)), store, name, version, settings)
        for version in versions
        if policy.loads(version)
    }
    can_answer = [
        model.version for model in current.values() if isinstance(model, LoadedModel) and model.outage() is None
    ]
    policy = policy.settled(versions, can_answer)
    kept = [current[version] if policy.loads(version) else _unloaded(name, version, policy) for version in versions]
    return VersionedModel(tuple(kept), policy)


def _unloaded(name: str, version: str, policy: PolicyInForce) -> UnloadedModel:
    return UnloadedModel(name, version, f"the model's policy loads {policy.policy}")


def _current(known: Version | None, store: ModelStore, name: str, version: str, settings: Settings) -> Version:
    """Return the version as its files are now: `known` unless they have changed and can be served."""
    known = None if isinstance(known, UnloadedModel) else known
    fingerprint = fingerprint_of(store.folder(name, version), known.fingerprint if known else None)
    if known is not None and _is_of(known, fingerprint):
        return replace(_update_or_self(known), fingerprint=fingerprint)
    opened = _open_version(store, name, version, settings)
    if fingerprint_of(store.folder(name, version), fingerprint) != fingerprint:
        # replaced while it was read: it may be half of each
        opened = _open_version(store, name, version, settings)
    if isinstance(known, LoadedModel) and isinstance(opened, RefusedModel):
        return replace(known, fingerprint=fingerprint, update_refused=opened.reason, pending_update=None)
    if isinstance(known, LoadedModel) and isinstance(opened, LoadedModel):
        waiting = replace(known, update_refused=opened.outage(), pending_update=opened)
        return replace(_update_or_self(waiting), fingerprint=fingerprint)
    return replace(opened, fingerprint=fingerprint)


def _update_or_self(known: Version) -> Version:
    """Return the pending update once its server runs it, or no longer runs the present version; else `known`."""
    if not isinstance(known, LoadedModel) or known.pending_update is None:
        return known
    takes_over = known.pending_update.outage() is None or known.outage() is not None
    return known.pending_update if takes_over else known


def _is_of(known: Version, fingerprint: Fingerprint) -> bool:
    """Return True if nothing has changed since `known` was read. A refused version may have been half written then."""
    if known.fingerprint is None:
        return False
    served = isinstance(known, LoadedModel) and known.update_refused is None
    return known.fingerprint == fingerprint or (
        served and known.fingerprint.manifest_sha256 == fingerprint.manifest_sha256
    )


def _open_version(store: ModelStore, name: str, version: str, settings: Settings) -> Version:
    try:
        return load(store.open(name, version), settings, Capabilities.detect(settings.devices()))
    except (StoreError, BackendError) as error:
        return RefusedModel(name, version, str(error))

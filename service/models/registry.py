"""The models in memory: what each version of the store became when it was last looked at.

RegistryError
├── NoModelReady       no version of the store, or of the model asked for, can be served
└── ModelUnavailable   the version is there but was refused; the message says why
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from clips.clip_spec import ClipSpec
from service.backends.base import Backend, BackendError, BackendUnavailable, RemoteBackend, RuntimeDown
from service.config.settings import Settings
from service.models.artifact_selection import Capabilities, choose, open_backend
from service.models.refcounted_backend import refcounted
from service.store.fingerprint import Fingerprint, fingerprint_of
from service.store.model_store import ModelNotFound, ModelStore, StoredModel, StoreError, listed

RENAMING_SECONDS = 0.2
"""A version that is missing for longer was removed: where folders cannot be exchanged, two renames replace them."""


class RegistryError(Exception):
    """Base of what the registry raises, besides the store's ModelNotFound."""


class NoModelReady(RegistryError):
    """There is nothing to answer with."""


class ModelUnavailable(RegistryError):
    """The version exists but is not served."""


@dataclass(frozen=True)
class LoadedModel:
    """A version that answers. `digest` is the sha256 of the artifact that runs."""

    name: str
    version: str
    digest: str
    artifact: str
    reason: str
    """Why this artifact rather than another."""
    labels: tuple[str, ...]
    spec: ClipSpec
    backend: Backend
    fingerprint: Fingerprint | None = field(default=None, compare=False)
    """The files that were last looked at."""
    update_refused: str | None = None
    """Why these are not what runs, but what was there before; None when they are."""
    pending_update: LoadedModel | None = field(default=None, compare=False)
    """What these are, when all that it waits for is the server that will run it."""

    def check_up(self) -> None:
        """Raises RuntimeDown while a server runs the model and is not well."""
        if isinstance(self.backend, RemoteBackend):
            self.backend.check_up()

    def outage(self) -> str | None:
        """Why it cannot answer now, as `check_up` tells it; None when it can."""
        try:
            self.check_up()
        except RuntimeDown as reason:
            return str(reason)
        return None


@dataclass(frozen=True)
class RefusedModel:
    """A version that the store holds but that is not served, and the reason."""

    name: str
    version: str
    reason: str
    fingerprint: Fingerprint | None = field(default=None, compare=False)


Version = LoadedModel | RefusedModel


class Registry:
    """The versions of a store; one that is refused leaves the others alone.

    Readers in any thread see one state of the store or the next, whole.
    """

    def __init__(self, versions: Mapping[str, Sequence[Version]], default_model: str | None = None) -> None:
        self._versions = versions
        self._default_model = default_model
        self._default_so_far: str | None = None

    @classmethod
    def open(cls, settings: Settings) -> Registry:
        """Load every version of the settings' store."""
        registry = cls({}, settings.default_model)
        registry.refresh(settings)
        return registry

    def refresh(self, settings: Settings) -> None:
        """Follow the settings' store: only versions that are new or were exchanged are read, checked and loaded.

        Whoever got a model before keeps it. Takes as long as loading does; for one thread at a time.
        """
        store = ModelStore(settings.model_store)
        known = {(version.name, version.version): version for version in self.all()}
        self._versions = {
            name: [_current(known.get((name, version)), store, name, version, settings) for version in versions]
            for name, versions in _versions_of(store, known).items()
        }
        self._default_so_far = _default_loaded(self._versions, self._default_so_far)

    def replace_all(self, versions: Iterable[Version]) -> None:
        """Hold these instead: what a registry in another process has, in its order."""
        by_name: dict[str, list[Version]] = {}
        for version in versions:
            by_name.setdefault(version.name, []).append(version)
        self._versions = by_name
        self._default_so_far = _default_loaded(by_name, self._default_so_far)

    def all(self) -> list[Version]:
        """Loaded and refused versions, by name, oldest first."""
        return _flat(self._versions)

    def refused(self) -> list[RefusedModel]:
        """What the store holds but is not served."""
        return [version for version in self.all() if isinstance(version, RefusedModel)]

    def get(self, name: str | None = None, version: str | None = None) -> LoadedModel:
        """The model asked for; without a version the newest that can answer, without a name the default model.

        Where the settings name no default, it is the first that loaded, and stays it as long as it is loaded.
        Raises ModelNotFound, ModelUnavailable or NoModelReady.
        """
        versions = self._versions
        chosen = self._default_name(versions) if name is None else name
        if chosen not in versions:
            raise ModelNotFound(f"no model {chosen!r} here; there is {listed(versions)}")
        if version is None:
            return _newest(versions[chosen], chosen)
        return _exactly(versions[chosen], chosen, version)

    def close(self) -> None:
        """Free every backend."""
        for version in self.all():
            if isinstance(version, LoadedModel):
                version.backend.close()

    def _default_name(self, versions: Mapping[str, Sequence[Version]]) -> str:
        wanted = self._default_model
        if wanted is not None and wanted not in versions:
            raise NoModelReady(f"the default model {wanted!r} is not in the store")
        default = wanted or _default_loaded(versions, self._default_so_far)
        if default is None:
            raise NoModelReady("no model is loaded, so nothing can be predicted; GET /models says why")
        return default


def _flat(versions: Mapping[str, Sequence[Version]]) -> list[Version]:
    return [version for of_one_model in versions.values() for version in of_one_model]


def _default_loaded(versions: Mapping[str, Sequence[Version]], so_far: str | None) -> str | None:
    """The default so far if it is loaded, else the first model that is."""
    loaded = [version.name for version in _flat(versions) if isinstance(version, LoadedModel)]
    return so_far if so_far in loaded else next(iter(loaded), None)


def _newest(versions: Sequence[Version], name: str) -> LoadedModel:
    """Of those that are loaded the newest that can answer, or else the newest."""
    loaded = [version for version in reversed(versions) if isinstance(version, LoadedModel)]
    if not loaded:
        raise NoModelReady(f"no version of model {name!r} is loaded; GET /models says why")
    return next((version for version in loaded if version.outage() is None), loaded[0])


def _exactly(versions: Sequence[Version], name: str, version: str) -> LoadedModel:
    by_version = {candidate.version: candidate for candidate in versions}
    found = by_version.get(version)
    if found is None:
        raise ModelNotFound(f"model {name!r} has no version {version!r}; there is {listed(by_version)}")
    if isinstance(found, RefusedModel):
        raise ModelUnavailable(f"{name} {version} is not served: {found.reason}")
    return found


def _versions_of(store: ModelStore, known: Mapping[tuple[str, str], Version]) -> dict[str, list[str]]:
    found = store.versions()
    if any(version not in found.get(name, ()) for name, version in known):
        time.sleep(RENAMING_SECONDS)
        return store.versions()
    return found


def _current(known: Version | None, store: ModelStore, name: str, version: str, settings: Settings) -> Version:
    """What the version is now: what is known of it, unless its files say otherwise and can be served."""
    fingerprint = fingerprint_of(store.folder(name, version), known.fingerprint if known else None)
    if known is not None and _is_of(known, fingerprint):
        return replace(_successor_or_self(known), fingerprint=fingerprint)
    opened = _open_version(store, name, version, settings)
    if (
        fingerprint_of(store.folder(name, version), fingerprint) != fingerprint
    ):  # exchanged meanwhile: it may be half of each
        opened = _open_version(store, name, version, settings)
    if isinstance(known, LoadedModel) and isinstance(opened, RefusedModel):
        return replace(known, fingerprint=fingerprint, update_refused=opened.reason, pending_update=None)
    if isinstance(known, LoadedModel) and isinstance(opened, LoadedModel):
        waiting = replace(known, update_refused=opened.outage(), pending_update=opened)
        return replace(_successor_or_self(waiting), fingerprint=fingerprint)
    return replace(opened, fingerprint=fingerprint)


def _successor_or_self(known: Version) -> Version:
    """A pending_update takes over as soon as its server runs it, or runs what was before no longer."""
    if not isinstance(known, LoadedModel) or known.pending_update is None:
        return known
    takes_over = known.pending_update.outage() is None or known.outage() is not None
    return known.pending_update if takes_over else known


def _is_of(known: Version, fingerprint: Fingerprint) -> bool:
    """Whether reading the fingerprint would tell nothing new. What was refused may have been written only in part."""
    if known.fingerprint is None:
        return False
    served = isinstance(known, LoadedModel) and known.update_refused is None
    return known.fingerprint == fingerprint or (
        served and known.fingerprint.manifest_sha256 == fingerprint.manifest_sha256
    )


def _open_version(store: ModelStore, name: str, version: str, settings: Settings) -> Version:
    try:
        return load(store.open(name, version), settings, Capabilities.detect())
    except (StoreError, BackendError) as error:
        return RefusedModel(name, version, str(error))


def load(stored: StoredModel, settings: Settings, machine: Capabilities) -> LoadedModel:
    """A checked version becomes one that answers; raises BackendError."""
    manifest = stored.manifest
    choice = choose(manifest.artifacts, machine, settings.backend)
    artifact = choice.artifact
    model = LoadedModel(
        name=manifest.name,
        version=manifest.version,
        digest=artifact.sha256,
        artifact=artifact.file,
        reason=choice.reason,
        labels=manifest.labels,
        spec=manifest.clip,
        backend=refcounted(open_backend(artifact, stored.path_of(artifact), settings, machine)),
    )
    if not isinstance(model.backend, RemoteBackend):
        _warm_up(model)
    return model


def _warm_up(model: LoadedModel) -> None:
    # One black clip finds a graph that does not fit its manifest now, rather than at the first request.
    side = model.spec.crop
    black = np.zeros((1, model.spec.num_frames, side, side, 3), np.uint8)
    logits = model.backend.infer(black).logits
    if logits.shape != (1, len(model.labels)):
        raise BackendUnavailable(f"{model.artifact} answers in shape {logits.shape} for {len(model.labels)} labels")

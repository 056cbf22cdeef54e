"""The models in memory: what each version of the store became when the service started.

RegistryError
├── NoModelReady       no version of the store, or of the model asked for, can be served
└── ModelUnavailable   the version is there but was refused; the message says why
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clips.spec import ClipSpec
from service.backends.base import Backend, BackendError, BackendUnavailable
from service.selection import Machine, choose, open_backend
from service.settings import Settings
from service.store import ModelNotFound, ModelStore, StoredModel, StoreError


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


@dataclass(frozen=True)
class RefusedModel:
    """A version that the store holds but that is not served, and the reason."""

    name: str
    version: str
    reason: str


Version = LoadedModel | RefusedModel


class Registry:
    """Every version of the store, opened once; a version that is refused leaves the others alone."""

    def __init__(self, versions: Mapping[str, list[Version]], default_model: str | None = None) -> None:
        self._versions = versions
        self._default_model = default_model

    @classmethod
    def open(cls, settings: Settings) -> Registry:
        """Load every version of the settings' store."""
        store, machine = ModelStore(settings.model_store), Machine.here()
        opened = {
            name: [_open_version(store, name, version, settings, machine) for version in versions]
            for name, versions in store.versions().items()
        }
        return cls(opened, settings.default_model)

    def all(self) -> list[Version]:
        """Loaded and refused versions, by name, oldest first."""
        return [version for versions in self._versions.values() for version in versions]

    def refused(self) -> list[RefusedModel]:
        """What the store holds but is not served."""
        return [version for version in self.all() if isinstance(version, RefusedModel)]

    def get(self, name: str | None = None, version: str | None = None) -> LoadedModel:
        """The model asked for; without a version the newest that loaded, without a name the default model.

        Raises ModelNotFound, ModelUnavailable or NoModelReady.
        """
        chosen = self.default_name() if name is None else name
        if chosen not in self._versions:
            raise ModelNotFound(f"no model {chosen!r} here; there is {_listed(self._versions)}")
        if version is None:
            return self._newest_loaded(chosen)
        return self._exactly(chosen, version)

    def default_name(self) -> str:
        """The model that answers a request which names none; raises NoModelReady."""
        if self._default_model is not None:
            return self._named_default(self._default_model)
        for version in self.all():
            if isinstance(version, LoadedModel):
                return version.name
        raise NoModelReady("no model is loaded, so nothing can be predicted; GET /models says why")

    def close(self) -> None:
        """Free every backend."""
        for version in self.all():
            if isinstance(version, LoadedModel):
                version.backend.close()

    def _named_default(self, name: str) -> str:
        if name not in self._versions:
            raise NoModelReady(f"the default model {name!r} is not in the store")
        return name

    def _newest_loaded(self, name: str) -> LoadedModel:
        loaded = [version for version in self._versions[name] if isinstance(version, LoadedModel)]
        if not loaded:
            raise NoModelReady(f"no version of model {name!r} is loaded; GET /models says why")
        return loaded[-1]

    def _exactly(self, name: str, version: str) -> LoadedModel:
        by_version = {candidate.version: candidate for candidate in self._versions[name]}
        found = by_version.get(version)
        if found is None:
            raise ModelNotFound(f"model {name!r} has no version {version!r}; there is {_listed(by_version)}")
        if isinstance(found, RefusedModel):
            raise ModelUnavailable(f"{name} {version} is not served: {found.reason}")
        return found


def _open_version(store: ModelStore, name: str, version: str, settings: Settings, machine: Machine) -> Version:
    try:
        return load(store.open(name, version), settings, machine)
    except (StoreError, BackendError) as error:
        return RefusedModel(name, version, str(error))


def load(stored: StoredModel, settings: Settings, machine: Machine) -> LoadedModel:
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
        backend=open_backend(artifact, stored.path_of(artifact), settings, machine),
    )
    _warm_up(model)
    return model


def _warm_up(model: LoadedModel) -> None:
    # One black clip finds a graph that does not fit its manifest now, rather than at the first request.
    side = model.spec.crop
    black = np.zeros((1, model.spec.num_frames, side, side, 3), np.uint8)
    logits = model.backend.infer(black).logits
    if logits.shape != (1, len(model.labels)):
        raise BackendUnavailable(f"{model.artifact} answers in shape {logits.shape} for {len(model.labels)} labels")


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names) if names else "nothing"

"""The models in memory: what each version of the store became when the service started.

RegistryError
├── NoModelReady       no version of the store, or of the model asked for, can be served
└── ModelUnavailable   the version is there but was refused; the message says why
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clips.spec import ClipSpec
from service.backends.base import Backend, BackendError, BackendUnavailable
from service.manifest import Artifact
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
    labels: tuple[str, ...]
    spec: ClipSpec
    backend: Backend


@dataclass(frozen=True)
class RefusedModel:
    """A version that the store holds but that is not served, and the reason."""

    name: str
    version: str
    reason: str


OpenBackend = Callable[[Path], Backend]
Version = LoadedModel | RefusedModel


class Registry:
    """Every version of the store, opened once; a version that is refused leaves the others alone."""

    def __init__(self, versions: Mapping[str, list[Version]], default_model: str | None = None) -> None:
        self._versions = versions
        self._default_model = default_model

    @classmethod
    def open(cls, settings: Settings) -> Registry:
        """Load every version of the settings' store."""
        store = ModelStore(settings.model_store)
        opened = {
            name: [_open_version(store, name, version, settings) for version in versions]
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


def _open_version(store: ModelStore, name: str, version: str, settings: Settings) -> Version:
    try:
        return load(store.open(name, version), settings)
    except (StoreError, BackendError) as error:
        return RefusedModel(name, version, str(error))


def load(stored: StoredModel, settings: Settings) -> LoadedModel:
    """A checked version becomes one that answers; raises BackendError."""
    artifact, open_backend = _choose(stored, settings)
    manifest = stored.manifest
    model = LoadedModel(
        name=manifest.name,
        version=manifest.version,
        digest=artifact.sha256,
        artifact=artifact.file,
        labels=manifest.labels,
        spec=manifest.clip,
        backend=open_backend(stored.path_of(artifact)),
    )
    _warm_up(model)
    return model


def _choose(stored: StoredModel, settings: Settings) -> tuple[Artifact, OpenBackend]:
    backends = _backends(settings)
    for artifact in stored.manifest.artifacts:
        if artifact.format in backends:
            return artifact, backends[artifact.format]
    held = _listed({artifact.format: artifact for artifact in stored.manifest.artifacts})
    raise BackendUnavailable(f"it holds {held}, but only {_listed(backends)} runs here")


def _backends(settings: Settings) -> dict[str, OpenBackend]:
    """How each artifact format is opened; a runtime is imported only when it is needed."""

    def open_onnx(path: Path) -> Backend:
        from service.backends.onnx_runtime import OnnxRuntimeBackend  # noqa: PLC0415

        return OnnxRuntimeBackend(path, settings.onnx_threads)

    return {"onnx": open_onnx}


def _warm_up(model: LoadedModel) -> None:
    # One black clip finds a graph that does not fit its manifest now, rather than at the first request.
    side = model.spec.crop
    black = np.zeros((1, model.spec.num_frames, side, side, 3), np.uint8)
    logits = model.backend.infer(black).logits
    if logits.shape != (1, len(model.labels)):
        raise BackendUnavailable(f"{model.artifact} answers in shape {logits.shape} for {len(model.labels)} labels")


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names) if names else "nothing"

"""Versions of a model: loaded, refused or left out by the policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from clips.scores import average_views
from service.backends.base import Backend, CheckedBackend, DeviceLost, RemoteBackend, RuntimeDown, replicas_of
from service.backends.contract import OUTPUTS
from service.models.policy_in_force import NEWEST, PolicyInForce
from service.store.fingerprint import Fingerprint
from service.store.manifest import TemporalKind, TimelineDefaults


@dataclass(frozen=True)
class LoadedModel:
    """A version that is served. `digest` is the SHA-256 of `artifact`, the file that runs."""

    name: str
    version: str
    digest: str
    artifact: str
    reason: str
    """Reason for the choice of this artifact."""
    labels: tuple[str, ...]
    spec: ClipSpec
    backend: Backend
    devices: tuple[str, ...] = ("cpu",)
    """Devices of the replicas, such as ("cuda:0", "cuda:1"); () where a server runs the model."""
    temporal: TemporalKind = "tin"
    """The network's temporal module."""
    temperature: float = 1.0
    """Divides the logits before the softmax; the outputs themselves stay as they are."""
    threshold: float | None = None
    """Least top-1 probability of a likely answer; None where it is not known."""
    timeline: TimelineDefaults = field(default_factory=TimelineDefaults)
    """Parameters of timelines where a request gives none."""
    outputs: tuple[str, ...] = OUTPUTS
    """Names of the graph's outputs; where only a server knows them, those that an export of today has."""
    fingerprint: Fingerprint | None = field(default=None, compare=False)
    """The files of the store when they were last read."""
    update_refused: str | None = None
    """Reason why the files before those in the store still run; None when the latter run."""
    pending_update: LoadedModel | None = field(default=None, compare=False)
    """The model of the files in the store, loaded, that waits for its server."""

    @property
    def key(self) -> tuple[str, str]:
        """Name and version."""
        return self.name, self.version

    def probabilities(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the calibrated probabilities [..., K] of logits [..., V, K], averaged over V views."""
        return average_views(logits, self.temperature)

    def is_likely(self, probability: float) -> bool | None:
        """Return True for a top-1 probability that reaches the threshold; None for a model without a threshold."""
        return None if self.threshold is None else probability >= self.threshold

    # To look for the methods of a protocol costs more than to call them, so it is done once.

    @cached_property
    def remote(self) -> RemoteBackend | None:
        """The backend of a model that a server runs, else None."""
        return self.backend if isinstance(self.backend, RemoteBackend) else None

    @cached_property
    def replicas(self) -> tuple[Backend, ...]:
        """The backends that can run batches at the same time."""
        return replicas_of(self.backend)

    @cached_property
    def _checked(self) -> CheckedBackend | None:
        return self.backend if isinstance(self.backend, CheckedBackend) else None

    def check_up(self) -> None:
        """Raise DeviceLost when its GPU is lost, RuntimeDown while the server that runs the model is down."""
        if self._checked is not None:
            self._checked.check_up()

    def failure(self) -> DeviceLost | RuntimeDown | None:
        """Return the error of `check_up`; None when the model can answer."""
        try:
            self.check_up()
        except (DeviceLost, RuntimeDown) as error:
            return error
        return None

    def outage(self) -> str | None:
        """Return the message of `failure`; None when the model can answer."""
        return None if (error := self.failure()) is None else str(error)


@dataclass(frozen=True)
class RefusedModel:
    """A version of the store that is not served, and the reason."""

    name: str
    version: str
    reason: str
    fingerprint: Fingerprint | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """Name and version."""
        return self.name, self.version


class UnloadedModel(RefusedModel):
    """A version that its model's policy does not load."""


Version = LoadedModel | RefusedModel


@dataclass(frozen=True)
class VersionedModel:
    """The versions of one model, oldest first, and the policy that chooses among them."""

    versions: tuple[Version, ...]
    policy: PolicyInForce = NEWEST

    @cached_property
    def preferred(self) -> tuple[LoadedModel, ...]:
        """The loaded versions that may answer requests which name none, the policy's first choice first."""
        loaded = {version.version: version for version in self.versions if isinstance(version, LoadedModel)}
        candidates = self.policy.candidates([version.version for version in self.versions])
        return tuple(loaded[version] for version in candidates if version in loaded)

    def default(self) -> LoadedModel | None:
        """Return the first preferred version that can answer, or else the first; None if there is none."""
        return next((model for model in self.preferred if model.outage() is None), next(iter(self.preferred), None))

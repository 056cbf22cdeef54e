"""Loading: a checked version of the store, run by the first of its artifacts that works on this machine."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from service.backends.base import (
    Backend,
    BackendError,
    BackendUnavailable,
    InferenceFailed,
    Outputs,
    RemoteBackend,
    devices_of,
    replicas_of,
)
from service.backends.contract import outputs_of_network
from service.config.settings import Settings
from service.models.artifact_selection import (
    OIP,
    Candidate,
    candidates,
    nothing_runs,
    open_backend,
    open_oip,
)
from service.models.capabilities import Capabilities
from service.models.refcounted_backend import refcounted
from service.models.versions import LoadedModel
from service.store.manifest import Artifact, TimelineDefaults
from service.store.model_store import StoredModel

logger = logging.getLogger("service")


def load(stored: StoredModel, settings: Settings, machine: Capabilities) -> LoadedModel:
    """Load a checked version with the first artifact, in the order of `candidates`, that loads and answers a clip.

    Raises BackendUnavailable with the reason for each, and BackendError.
    """
    manifest, reasons = stored.manifest, []
    for candidate in candidates(manifest.artifacts, machine, settings.backend):
        reasons.append(str(candidate))
        if not candidate.suits:
            continue
        try:
            return replace(_start(stored, candidate, settings), reason="; ".join(reasons))
        except (BackendUnavailable, InferenceFailed) as error:
            reasons[-1] = f"{candidate.artifact.format}: {error}"
            logger.warning("%s %s cannot run %s", manifest.name, manifest.version, reasons[-1])
    raise nothing_runs(manifest.artifacts, settings.backend, reasons)


def _start(stored: StoredModel, candidate: Candidate, settings: Settings) -> LoadedModel:
    """Load an artifact and run it once; one that fails is closed. Raises BackendError."""
    model = _described(stored, candidate.artifact, refcounted(_open_backend(stored, candidate, settings)))
    try:
        return _warmed_up(model)
    except BackendError:
        model.backend.close()
        raise


def _open_backend(stored: StoredModel, candidate: Candidate, settings: Settings) -> Backend:
    if settings.backend == OIP:
        return open_oip(stored, candidate.artifact, settings)
    return open_backend(candidate, stored.path_of(candidate.artifact), settings)


def _described(stored: StoredModel, artifact: Artifact, backend: Backend) -> LoadedModel:
    manifest = stored.manifest
    return LoadedModel(
        name=manifest.name,
        version=manifest.version,
        digest=artifact.sha256,
        artifact=artifact.file,
        reason="",
        labels=manifest.labels,
        spec=manifest.clip,
        backend=backend,
        devices=devices_of(backend),
        temporal=manifest.temporal,
        temperature=manifest.temperature,
        threshold=manifest.threshold,
        timeline=manifest.timeline or TimelineDefaults(),
        outputs=outputs_of_network(interlaces=manifest.temporal == "tin"),
    )


def _warmed_up(model: LoadedModel) -> LoadedModel:
    """Return the model with the outputs that it has. A server is not asked: it may be down."""
    if isinstance(model.backend, RemoteBackend):
        return replace(model, outputs=model.backend.outputs or model.outputs)
    return replace(model, outputs=tuple(_warm_up(model).arrays()))


def _warm_up(model: LoadedModel) -> Outputs:
    # A black clip finds a graph that does not fit its manifest now, not at the first request.
    side = model.spec.crop
    black = np.zeros((1, model.spec.num_frames, side, side, 3), np.uint8)
    for replica in replicas_of(model.backend):
        outputs = replica.infer(black)
        if outputs.logits.shape != (1, len(model.labels)):
            raise BackendUnavailable(
                f"{model.artifact} returns logits of shape {outputs.logits.shape} for {len(model.labels)} labels"
            )
    return outputs

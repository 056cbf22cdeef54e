"""Checks of one version of the model store: files, loading, server, logits, label."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clips.scores import top_scores
from service.backends.base import RemoteBackend
from service.config.settings import Settings
from service.doctor.check import Check, CheckFailed, CheckSkipped
from service.doctor.golden import GoldenStages
from service.doctor.pipeline_checks import served_views
from service.models.capabilities import Capabilities
from service.models.loading import load
from service.models.versions import LoadedModel
from service.store.manifest import Artifact
from service.store.model_store import ModelRefused, ModelStore, StoredModel, sha256_of

PUBLISH_AGAIN = "publish it again (`python -m export CHECKPOINT --name NAME`), or restore the folder"
OTHER_FORMAT = (
    "publish a format that runs here (`python -m export CHECKPOINT --name NAME --formats onnx`); unset TIN_BACKEND"
)
START_SERVER = (
    "start TorchServe with the store's <name>.mar (TIN_TORCHSERVE_URL, TIN_TORCHSERVE_KEYS), "
    "or the server of TIN_OIP_URL with the store's model"
)
ANSWERS_OTHERWISE = "compare it with its checkpoint: `python -m export verify NAME`"


class ModelChecker:
    """Checks a version; each check builds on those before it.

    Args:
        name: the model's name.
        version: its version.
        settings: the service's settings, among them the store.
        stages: golden values of a clip.
    """

    def __init__(self, name: str, version: str, settings: Settings, stages: GoldenStages) -> None:
        self._name = name
        self._version = version
        self._settings = settings
        self._stages = stages
        self._stored: StoredModel | None = None
        self._loaded: LoadedModel | None = None

    def checks(self) -> Iterator[Check]:
        """Yield the checks; run each before the next is requested."""
        name = f"{self._name} {self._version}"
        yield Check(f"{name}: files", self._check_files, PUBLISH_AGAIN)
        yield Check(f"{name}: loads", self._check_loading, OTHER_FORMAT)
        if self._loaded is not None and isinstance(self._loaded.backend, RemoteBackend):
            yield Check(f"{name}: server", self._check_server, START_SERVER)
        yield Check(f"{name}: logits", self._check_logits, ANSWERS_OTHERWISE)
        yield Check(f"{name}: label", self._check_label, ANSWERS_OTHERWISE)

    def close(self) -> None:
        """Free the model."""
        if self._loaded is not None:
            self._loaded.backend.close()

    def _check_files(self) -> str:
        stored = ModelStore(self._settings.model_store).open(self._name, self._version)
        _check_checkpoint(stored)
        self._stored = stored
        files = ", ".join(artifact.file for artifact in stored.manifest.artifacts)
        return f"digests and parity reports of {files} are valid"

    def _check_loading(self) -> str:
        if self._stored is None:
            raise CheckSkipped("its files are not valid")
        model = self._loaded = load(self._stored, self._settings, Capabilities.detect(self._settings.devices()))
        return f"{model.artifact} runs here ({model.reason}) and gives {', '.join(model.outputs)}"

    def _check_server(self) -> str:
        assert self._loaded is not None
        self._loaded.check_up()
        return "it answers, and runs the model of the store"

    def _check_logits(self) -> str:
        difference = float(np.abs(self._logits - self._stages.logits).max())
        tolerance = self._tolerance()
        if tolerance is None:
            return f"differ by up to {difference:.2g} from torch's; the label decides"
        if not difference <= tolerance:
            raise CheckFailed(f"differ by up to {difference:.2g} from torch's; {tolerance:g} is allowed")
        return f"within {difference:.2g} of torch's"

    def _check_label(self) -> str:
        top1 = top_scores(self._loaded_model.probabilities(self._logits[None]), self._loaded_model.labels, 1)[0]
        if top1.label != self._stages.label:
            raise CheckFailed(f"{top1.label!r}, but torch says {self._stages.label!r}")
        return f"{top1.label}, {top1.probability:.0%}"

    @property
    def _loaded_model(self) -> LoadedModel:
        if self._stored is None or self._loaded is None:
            raise CheckSkipped("it is not loaded")
        if self._stored.manifest.checkpoint.sha256 != self._stages.checkpoint_sha256:
            raise CheckSkipped("there are no golden values for this checkpoint")
        if outage := self._loaded.outage():
            raise CheckSkipped(outage)
        return self._loaded

    @cached_property
    def _logits(self) -> NDArray[np.float32]:
        """Logits of the golden clip, float32 [K]."""
        logits: NDArray[np.float32] = self._loaded_model.backend.infer(served_views(self._stages)).logits[0]
        return logits

    def _tolerance(self) -> float | None:
        """Return the allowed difference of the logits; None when the input already differs from the golden one."""
        if self._stages.views.difference(served_views(self._stages)) > 0:
            return None
        allowed = self._running_artifact().parity.allowed_difference
        return max(allowed, self._settings.oip_tolerance or 0) if self._settings.backend == "oip" else allowed

    def _running_artifact(self) -> Artifact:
        assert self._stored is not None
        by_digest = {artifact.sha256: artifact for artifact in self._stored.manifest.artifacts}
        return by_digest[self._loaded_model.digest]


def _check_checkpoint(stored: StoredModel) -> None:
    """Check the checkpoint's digest, which the store does not: serving does not need the checkpoint."""
    checkpoint = stored.manifest.checkpoint
    path = stored.path_of(checkpoint)
    if path.exists() and sha256_of(path) != checkpoint.sha256:
        raise ModelRefused(f"{checkpoint.file} is not the one that the artifacts were made from")

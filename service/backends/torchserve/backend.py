"""TorchServe backend: sends clips to a TorchServe, which forms batches, and checks its health."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from service.backends.base import BackendUnavailable, Clips, InferenceFailed, Outputs
from service.backends.remote.errors import NotServed
from service.backends.remote.watched_server import WatchedServer
from service.backends.torchserve.client import NAME, TorchServeClient
from service.backends.torchserve.token import InferenceKey, KeyRefused
from service.store.manifest import Sha256

MAX_BODY_BYTES = 6_553_500
"""Default of TorchServe's `max_request_size`."""
INFO_FILE = "model.json"


class ArchiveInfo(BaseModel):
    """Name, version, digest and input shape of the graph in an archive.

    TorchServe's answers carry the digest of the graph that ran, which is compared with this.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    sha256: Sha256
    clip_shape: tuple[int, int, int, int]

    @classmethod
    def of(cls, archive: Path) -> Self:
        """Read it from a .mar; raises BackendUnavailable when the archive has none."""
        try:
            with zipfile.ZipFile(archive) as packed:
                return cls.model_validate_json(packed.read(INFO_FILE))
        except (OSError, KeyError, ValidationError, zipfile.BadZipFile) as error:
            raise BackendUnavailable(
                f"{archive.name} is not an archive made by export: it has no {INFO_FILE}"
            ) from error


class _Graph(BaseModel):
    sha256: str


class _Answer(BaseModel):
    """Answer of the handler in the archive: export/formats/torchserve_handler.py."""

    model: _Graph
    logits: list[list[float]]
    features: list[list[float]] | None = None
    offsets: list[list[list[float]]] | None = None
    weights: list[list[list[list[float]]]] | None = None

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the graph's outputs by name."""
        outputs = self.model_dump(exclude={"model"}, exclude_none=True)
        return {name: np.array(values, np.float32) for name, values in outputs.items()}


class TorchServeBackend:
    """The model of an archive, run by the TorchServe at `url`; a thread checks the server's health every second.

    While the server is down or runs another graph than the archive's, calls raise RuntimeDown at once, until a ping and
    a clip get through again.

    Args:
        archive: the model's .mar file.
        url: address of TorchServe's inference API.
        key: key for that API, if it asks for one.
        read_seconds: longest wait for an answer.

    Raises BackendUnavailable when the archive cannot be read.
    """

    max_batch_size = 1
    outputs = None

    def __init__(self, archive: Path, url: str, key: InferenceKey | None = None, read_seconds: float = 30.0) -> None:
        self._model = ArchiveInfo.of(archive)
        self._key = key
        self._client = TorchServeClient(url, key, read_seconds)
        self._server = WatchedServer(NAME, self._ping, self._prove, self._client.close)

    def infer(self, clips: Clips) -> Outputs:
        """Send uint8 clips [N, T, H, W, 3]; raises InferenceFailed, RuntimeFull and RuntimeDown."""
        with self._server.call():
            return self._infer(clips)

    def check_up(self) -> None:
        """Raise RuntimeDown with the reason while the server is down."""
        self._server.check_up()

    def close(self) -> None:
        """Stop the health checks; their thread closes the connections."""
        self._server.close()

    def _infer(self, clips: Clips) -> Outputs:
        at_once = max(1, MAX_BODY_BYTES // int(np.prod(self._model.clip_shape)))
        parts = [self._infer_part(clips[start : start + at_once]) for start in range(0, len(clips), at_once)]
        return Outputs.joined(parts)

    def _infer_part(self, clips: Clips) -> dict[str, NDArray[np.float32]]:
        model = self._model
        body = self._client.predict(model.name, model.version, clips.tobytes())
        try:
            answer = _Answer.model_validate_json(body)
        except ValidationError as error:
            raise NotServed(
                f"TorchServe's {model.name} {model.version} does not answer in the format of export's handler"
            ) from error
        if answer.model.sha256 != model.sha256:
            runs = f"TorchServe runs another {model.name} {model.version} than the model store holds"
            raise NotServed(f"{runs}: sha256 {answer.model.sha256}, not {model.sha256}")
        if len(answer.logits) != len(clips):
            raise InferenceFailed(f"TorchServe returned {len(answer.logits)} answers for {len(clips)} clips")
        return answer.arrays()

    def _ping(self) -> None:
        if self._key is not None:
            with suppress(KeyRefused):  # an old key is good until TorchServe refuses it
                self._key.renew_in_time()
        self._client.ping()

    def _prove(self) -> None:
        self._infer(np.zeros((1, *self._model.clip_shape), np.uint8))

"""Remote model: a model of a running service, called over the Open Inference Protocol with sampled clips."""

from __future__ import annotations

import json
from contextlib import ExitStack

import httpx
import numpy as np
from pydantic import ValidationError

from clips.clip_spec import ClipSpec
from service.api.schemas.predict import ModelsResponse, ModelStatus
from service.backends.base import Clips, InferenceFailed, Outputs, RuntimeDown, TryLater
from service.backends.contract import INPUT, REQUIRED_OUTPUT
from service.backends.remote.errors import Unreachable
from service.backends.remote.server_client import ServerClient, body_of, message_of
from service.models.registry import NoModelReady
from service.models.versions import LoadedModel
from service.store.manifest import TimelineDefaults

LENGTH_HEADER = "Inference-Header-Content-Length"
RETRY_SECONDS = 1


def open_remote_model(
    url: str, key: str = "", name: str | None = None, version: str | None = None, read_seconds: float = 30.0
) -> LoadedModel:
    """Return a model of the service at `url`, whose backend posts the clips there.

        open_remote_model("http://localhost:8000").labels

    Args:
        url: The service's address, with the path under which a proxy has it.
        key: An API key, where the service asks for one.
        name: The model's name; the service's default model when not given.
        version: Its version; the one that its policy chooses when not given.
        read_seconds: Longest wait for an answer.

    Raises NoModelReady when the service does not answer, is another one, or does not serve the model.
    """
    # as bytes, since httpx takes text in ASCII only
    headers = httpx.Headers([(b"X-API-Key", key.encode("latin-1", "replace"))] if key else [])
    with ExitStack() as opened:
        client = ServerClient(f"the service at {url.rstrip('/')}", url, read_seconds, headers)
        opened.callback(client.close)
        try:
            model = _open(client, name, version)
        except (Unreachable, TryLater) as error:
            raise NoModelReady(str(error)) from error
        opened.pop_all()  # from now on they are the backend's
    return model


class ServiceBackend:
    """Posts clips to one version of a model; every failure is a RuntimeDown or RuntimeFull, as it may pass."""

    max_batch_size = 1

    def __init__(self, client: ServerClient, path: str, most_clips: int) -> None:
        self._client = client
        self._path = f"{path}/infer"
        self._most_clips = max(1, most_clips)

    def infer(self, clips: Clips) -> Outputs:
        """Send uint8 clips [N, T, H, W, 3], in as many requests as the service needs; raises TryLater."""
        parts = [clips[start : start + self._most_clips] for start in range(0, len(clips), self._most_clips)]
        return Outputs.joined([self._infer_part(part).arrays() for part in parts])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _infer_part(self, clips: Clips) -> Outputs:
        body, headers = _request(clips)
        try:
            response = self._client.post(self._path, body, headers)
        except (Unreachable, InferenceFailed) as error:
            raise RuntimeDown(str(error), RETRY_SECONDS) from error
        if response.status_code in {429, 503}:
            raise self._client.full(f"{self._client.server} is busy", response.headers.get("Retry-After", ""))
        if response.status_code != 200:
            raise RuntimeDown(f"{self._client.server} answers: {message_of(response)}", RETRY_SECONDS)
        return self._outputs(response)

    def _outputs(self, response: httpx.Response) -> Outputs:
        try:
            (tensor,) = response.json()["outputs"]
            return Outputs(np.asarray(tensor["data"], np.float32).reshape(tensor["shape"]))
        except (ValueError, KeyError, TypeError) as error:
            raise RuntimeDown(
                f"{self._client.server} does not answer in the protocol's format", RETRY_SECONDS
            ) from error


def _request(clips: Clips) -> tuple[bytes, dict[str, str]]:
    """Return body and headers: the clips as bytes, behind JSON that asks for the logits as JSON."""
    pixels = np.ascontiguousarray(clips).tobytes()
    tensor = {"name": INPUT, "shape": clips.shape, "datatype": "UINT8", "parameters": {"binary_data_size": len(pixels)}}
    head = json.dumps({"inputs": [tensor], "outputs": [{"name": REQUIRED_OUTPUT}]}).encode()
    return head + pixels, {LENGTH_HEADER: str(len(head)), "Content-Type": "application/octet-stream"}


def _models(client: ServerClient) -> ModelsResponse:
    response = client.get("models")
    if response.status_code != 200:
        raise NoModelReady(f"{client.server} does not list its models: {message_of(response)}")
    try:
        return ModelsResponse.model_validate_json(response.content)
    except ValidationError as error:
        raise NoModelReady(f"{client.server} is no tin-serve, or one of another version") from error


def _find(models: ModelsResponse, name: str | None, version: str | None, server: str) -> ModelStatus:
    name = name or models.default
    wanted = f"model {name}" if version is None else f"model {name} {version}"
    for status in models.models:
        if status.name == name and (status.is_default if version is None else status.version == version):
            if status.status != "ready":
                raise NoModelReady(f"{wanted} of {server} is {status.status}: {status.reason}")
            return status
    known = ", ".join(f"{status.name} {status.version}" for status in models.models)
    raise NoModelReady(f"{server} has no {wanted}; it has {known or 'none'}")


def _open(client: ServerClient, name: str | None, version: str | None) -> LoadedModel:
    status = _find(_models(client), name, version, client.server)
    path = f"v2/models/{status.name}/versions/{status.version}"
    most_clips = body_of(client.get(f"{path}/config")).get("max_batch_size")
    backend = ServiceBackend(client, path, most_clips if isinstance(most_clips, int) else 1)
    return _loaded(status, backend, client.server)


def _loaded(status: ModelStatus, backend: ServiceBackend, server: str) -> LoadedModel:
    if status.clip is None or status.labels is None:
        raise NoModelReady(f"{server} does not tell what the model takes; it is of an older version")
    return LoadedModel(
        name=status.name,
        version=status.version,
        digest=(status.digest or "").removeprefix("sha256:"),
        artifact=status.artifact or "",
        reason=f"{server} runs it",
        labels=tuple(status.labels),
        spec=ClipSpec(**status.clip.model_dump()),
        backend=backend,
        temperature=status.temperature or 1.0,
        threshold=status.threshold,
        timeline=TimelineDefaults(**status.timeline.model_dump()) if status.timeline else TimelineDefaults(),
    )

"""Client of one model of a server of the Open Inference Protocol, with tensors as bytes; maps its errors.

tritonclient writes requests and reads answers. Its own connections are not used: its client is for one thread only, and
sends a call again after bytes of it were sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from service.backends.base import Clips, InferenceFailed
from service.backends.contract import DTYPES, INPUT
from service.backends.oip.metadata import DTYPE_NAMES, ModelMetadata
from service.backends.remote.errors import NotServed, Unreachable
from service.backends.remote.server_client import ServerClient, body_of, message_of

MOST_CLIPS = 16
"""Clips of one call where the server does not say: `max_batch_size` in the config.pbtxt that export writes."""

LENGTH_HEADER = "Inference-Header-Content-Length"

_MALFORMED = (InferenceServerException, ValueError, TypeError, LookupError, AttributeError)
"""What tritonclient raises for answers that are not of the protocol."""


class OipClient:
    """Calls of one version of a model. Thread-safe.

    Args:
        url: address of the server, without `/v2`.
        name: the model's name.
        version: its version.
        key: sent as `Authorization: Bearer`; none when empty.
        read_seconds: longest wait for an answer.
    """

    def __init__(self, url: str, name: str, version: str, key: str, read_seconds: float) -> None:
        self.server = f"the server at {url.rstrip('/')}"
        self.model = f"{name} {version}"
        self._path = f"v2/models/{name}/versions/{version}"
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._http = ServerClient(self.server, url, read_seconds, headers)

    def check_ready(self) -> None:
        """Check that the model is ready; raises Unreachable, NotServed, and RuntimeFull when no connection is free."""
        self._check_get(self._http.get(f"{self._path}/ready"))

    def metadata(self) -> ModelMetadata:
        """Return what the model takes and gives; raises as `check_ready` does."""
        response = self._http.get(self._path)
        self._check_get(response)
        try:
            return ModelMetadata.model_validate_json(response.content)
        except ValidationError as error:
            raise NotServed(f"{self.server} gives no metadata of {self.model}") from error

    def most_clips(self) -> int:
        """Return the number of clips that one call may hold; raises Unreachable and RuntimeFull."""
        most = body_of(self._http.get(f"{self._path}/config")).get("max_batch_size")
        return min(most, MOST_CLIPS) if isinstance(most, int) and most > 0 else MOST_CLIPS

    def infer(self, clips: Clips, outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Run the model on uint8 clips [N, T, H, W, 3]; returns the arrays of the answer that are named in `outputs`.

        Raises Unreachable, NotServed, RuntimeFull and InferenceFailed.
        """
        tensor = InferInput(INPUT, list(clips.shape), DTYPE_NAMES[DTYPES[INPUT]])
        tensor.set_data_from_numpy(np.ascontiguousarray(clips))
        wanted = [InferRequestedOutput(name) for name in outputs]
        body, length = InferenceServerClient.generate_request_body([tensor], outputs=wanted)
        headers = {LENGTH_HEADER: str(length), "Content-Type": "application/octet-stream"}
        response = self._http.post(f"{self._path}/infer", body, headers)
        self._check_infer(response)
        try:
            return _arrays(response.content, response.headers, outputs)
        except _MALFORMED as error:
            raise NotServed(f"{self.server} does not answer for {self.model} in the protocol's format") from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _check_get(self, response: httpx.Response) -> None:
        self._check_served(response)
        match response.status_code:
            case 200:
                return
            case 400:
                raise NotServed(f"{self.server} does not serve {self.model}: {message_of(response)}")
        raise Unreachable(f"{self.server} is not ready: {message_of(response)}")

    def _check_infer(self, response: httpx.Response) -> None:
        self._check_served(response)
        match response.status_code:
            case 200:
                return
            case 429 | 503:
                retry_after = response.headers.get("Retry-After", "")
                raise self._http.full(f"{self.server} is overloaded: {message_of(response)}", retry_after)
            case 502:
                raise Unreachable(f"{self.server} cannot be reached behind its proxy")
            case 413:
                raise InferenceFailed(f"{self.server} takes no request of this size")
        raise InferenceFailed(f"{self.server} answered {response.status_code}: {message_of(response)}")

    def _check_served(self, response: httpx.Response) -> None:
        match response.status_code:
            case 401 | 403:
                raise NotServed(f"{self.server} refuses the key in TIN_OIP_KEY, or asks for one")
            case 404:
                raise NotServed(f"{self.server} does not serve {self.model}: {message_of(response)}")


def _arrays(body: bytes, headers: Mapping[str, str], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    length = headers.get(LENGTH_HEADER)
    result = InferenceServerClient.parse_response_body(body, header_length=None if length is None else int(length))
    arrays = {name: result.as_numpy(name) for name in names}
    return {name: array for name, array in arrays.items() if array is not None}

"""TorchServe handler: runs the graph of its archive on uint8 clips and answers in JSON.

    POST /predictions/NAME, Content-Type: application/octet-stream

The body is one clip or several, one after the other: T * H * W * 3 bytes each, RGB, row-major [T, H, W, 3].
TorchServe's setting `max_request_size` limits it, 6.5 MB by default. The response is JSON: the outputs that the graph
has of `logits` [N, K], `features` [N, D], `offsets` [N, B, 2] and `weights` [N, B, T, 2], printed so that parsing them
as float32 gives exactly the same numbers; `labels`, the top-1 label of each clip; and `model`: name, version and
sha256. A body that is not one or more whole clips gets status 400 and `error`; the other requests of its batch are not
affected.

TorchServe imports this file alone, from inside the archive: it uses NumPy and ONNX Runtime, and nothing of this
repository. It must define exactly one class. The interface is TorchServe's, docs/custom_service.md.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ["ORT_DISABLE_TELEMETRY"] = os.environ.get("ORT_DISABLE_TELEMETRY") or "1"  # read at the import

import onnxruntime as ort

GRAPH_FILE = "model.onnx"
CARD_FILE = "model.json"
"""Description of the graph: `name`, `version`, `sha256`, `clip_shape` [T, H, W, 3] and `labels`."""

# A copy of service.backends.contract, which cannot be imported inside an archive; a test compares the two.
INPUT = "clips"
OUTPUTS = ("logits", "features", "offsets", "weights")


class ClipHandler:
    """One inference session with one thread: TorchServe starts one worker process per core, each with a handler."""

    def initialize(self, context: Any) -> None:
        """Load the graph from the unpacked archive. Raises RuntimeError when its SHA-256 is not the card's."""
        folder = Path(context.system_properties["model_dir"])
        card = json.loads((folder / CARD_FILE).read_text())
        graph = (folder / GRAPH_FILE).read_bytes()
        if hashlib.sha256(graph).hexdigest() != card["sha256"]:
            raise RuntimeError(f"{GRAPH_FILE} is not the file that was archived; export the archive again")
        self._model = {key: card[key] for key in ("name", "version", "sha256")}
        self._labels: list[str] = card["labels"]
        self._clip_shape: tuple[int, ...] = tuple(card["clip_shape"])
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        given = {output.name for output in self._session.get_outputs()}
        self._outputs = [name for name in OUTPUTS if name in given]

    def handle(self, requests: list[dict[str, Any]], context: Any) -> list[str]:
        """Answer a batch of requests with one run of the graph: one JSON document per request, in their order."""
        bodies = [request.get("body") for request in requests]
        errors = [self._error_in(body) for body in bodies]
        clips = [self._clips_in(body) for body, error in zip(bodies, errors, strict=True) if error is None]
        answers = iter(self._infer(clips))
        for index, error in enumerate(errors):
            context.set_response_content_type(index, "application/json")
            if error is not None:
                context.set_response_status(400, "Bad Request", index)
        return [json.dumps(next(answers) if error is None else {"error": error}) for error in errors]

    def _error_in(self, body: Any) -> str | None:
        if not isinstance(body, (bytes, bytearray)):
            return "send the clips as raw bytes, with Content-Type: application/octet-stream"
        clip_bytes = int(np.prod(self._clip_shape))
        if not body or len(body) % clip_bytes:
            shape = " x ".join(map(str, self._clip_shape))
            return f"a clip is {shape} = {clip_bytes} bytes; {len(body)} bytes are not one or more whole clips"
        return None

    def _clips_in(self, body: Any) -> NDArray[np.uint8]:
        return np.frombuffer(body, np.uint8).reshape(-1, *self._clip_shape)

    def _infer(self, clips: list[NDArray[np.uint8]]) -> list[dict[str, Any]]:
        if not clips:
            return []
        outputs = self._session.run(self._outputs, {INPUT: np.concatenate(clips)})
        boundaries = np.cumsum([len(part) for part in clips])[:-1]
        by_request = zip(*(np.split(output, boundaries) for output in outputs), strict=True)
        return [self._answer(dict(zip(self._outputs, parts, strict=True))) for parts in by_request]

    def _answer(self, outputs: dict[str, NDArray[np.float32]]) -> dict[str, Any]:
        labels = [self._labels[index] for index in outputs["logits"].argmax(axis=1)]
        numbers = {name: output.tolist() for name, output in outputs.items()}
        return {"model": self._model, "labels": labels, **numbers}

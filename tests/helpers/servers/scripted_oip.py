"""Scripted server of the Open Inference Protocol: runs a model of the store, but for what a test changes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.backends.oip.proof import Proof
from tests.helpers.servers.scripted_server import Raw, Reply

DATATYPES = {"float32": "FP32", "float64": "FP64", "int32": "INT32"}


class ScriptedModel:
    """Version 1 of `name`: answers every clip with the proof's outputs. `replies` take the place of its own, by path.

    The paths are `ready`, `infer`, `config` and the empty one for the metadata.
    """

    def __init__(self, name: str, proof: Proof) -> None:
        self.path = f"/v2/models/{name}/versions/1"
        self.proof = proof
        self.replies: dict[str, Reply] = {}

    def reply(self, method: str, path: str) -> Reply:
        """Answer a call."""
        wanted = path.removeprefix(self.path).strip("/")
        if not path.startswith(self.path):
            return 404, {"error": "unknown model"}
        return self.replies.get(wanted) or self._own_reply(wanted)

    def _own_reply(self, wanted: str) -> Reply:
        match wanted:
            case "ready":
                return 200, {}
            case "":
                return 200, self.metadata()
            case "infer":
                return binary_answer(self.outputs())
        return 404, {"error": "not found"}

    def outputs(self, **changes: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Arrays of the answer to one clip, but for those that are given."""
        return {**self.proof.expected.arrays(), **changes}

    def metadata(self) -> dict[str, Any]:
        """Metadata of the model as Triton gives it."""
        clips = {"name": "clips", "datatype": "UINT8", "shape": [-1, *self.proof.clip.shape[1:]]}
        outputs = [
            {"name": name, "datatype": "FP32", "shape": list(shape)} for name, shape in self.proof.shapes().items()
        ]
        return {"name": "m", "versions": ["1"], "platform": "onnx", "inputs": [clips], "outputs": outputs}


def binary_answer(arrays: dict[str, NDArray[Any]], sent: int | None = None) -> Raw:
    """An answer with its tensors as bytes behind the JSON."""
    outputs = [
        {
            "name": name,
            "datatype": DATATYPES[array.dtype.name],
            "shape": list(array.shape),
            "parameters": {"binary_data_size": array.nbytes},
        }
        for name, array in arrays.items()
    ]
    text = json.dumps({"model_name": "m", "model_version": "1", "outputs": outputs}).encode()
    body = text + b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())
    return Raw(body, headers={"Inference-Header-Content-Length": str(len(text))}, sent=sent)


def json_answer(arrays: dict[str, NDArray[Any]]) -> Reply:
    """An answer with its tensors as JSON, by a server that does not know the binary extension."""
    outputs = [
        {"name": name, "datatype": "FP32", "shape": list(array.shape), "data": array.ravel().tolist()}
        for name, array in arrays.items()
    ]
    return 200, {"model_name": "m", "model_version": "1", "outputs": outputs}

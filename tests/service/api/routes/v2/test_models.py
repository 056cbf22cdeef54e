"""Descriptions under /v2: the server, a model's metadata and its configuration, against a real process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from tritonclient.http import InferenceServerClient

CLIPS, VIDEO = [-1, 8, 32, 32, 3], [1, 1]


def test_health_and_metadata(triton: InferenceServerClient) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    server = triton.get_server_metadata()
    assert server["name"] == "tin-serve"
    assert server["extensions"] == [
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository",
        "statistics",
    ]


def test_a_model_is_ready_and_described(triton: InferenceServerClient) -> None:
    assert triton.is_model_ready("colours")
    assert triton.is_model_ready("colours", "1")
    assert not triton.is_model_ready("colours", "3")
    assert not triton.is_model_ready("broken")
    assert triton.get_model_metadata("colours") == triton.get_model_metadata("colours", "1")
    assert triton.get_model_metadata("colours") == {
        "name": "colours",
        "versions": ["1", "2"],
        "platform": "onnx_onnxv1",
        "inputs": [
            {"name": "clips", "datatype": "UINT8", "shape": CLIPS},
            {"name": "video", "datatype": "BYTES", "shape": VIDEO},
        ],
        "outputs": [
            {"name": "logits", "datatype": "FP32", "shape": [-1, 6]},
            {"name": "features", "datatype": "FP32", "shape": [-1, -1]},
            {"name": "offsets", "datatype": "FP32", "shape": [-1, -1, 2]},
            {"name": "weights", "datatype": "FP32", "shape": [-1, -1, 8, 2]},
            {"name": "labels", "datatype": "BYTES", "shape": [-1, 1]},
        ],
    }


def test_the_configuration_is_one_of_triton(triton: InferenceServerClient) -> None:
    messages = pytest.importorskip("tritonclient.grpc.model_config_pb2")
    config = triton.get_model_config("colours")
    assert config == triton.get_model_config("colours", "1")
    message = json_format.Parse(json.dumps(config), messages.ModelConfig())
    assert (message.name, message.backend, message.max_batch_size) == ("colours", "onnxruntime", 16)
    inputs = [(each.name, messages.DataType.Name(each.data_type), list(each.dims)) for each in message.input]
    assert inputs == [("clips", "TYPE_UINT8", [8, 32, 32, 3]), ("video", "TYPE_STRING", [1])]
    assert all(each.optional for each in message.input)
    outputs = {each.name: (messages.DataType.Name(each.data_type), list(each.dims)) for each in message.output}
    assert outputs == {
        "logits": ("TYPE_FP32", [6]),
        "features": ("TYPE_FP32", [-1]),
        "offsets": ("TYPE_FP32", [-1, 2]),
        "weights": ("TYPE_FP32", [-1, 8, 2]),
        "labels": ("TYPE_STRING", [1]),
    }
    assert message.version_policy.HasField("all")
    assert message.default_model_filename == "model.onnx"


def test_the_configuration_names_the_versions_of_a_policy(
    start_service: Callable[..., str], publish: Callable[..., Path], tmp_path: Path
) -> None:
    for version in ("1", "2", "3"):
        publish(tmp_path, "chosen", version)
    (tmp_path / "chosen" / "policy.json").write_text('{"serve": [1, 3]}')
    config: dict[str, Any] = httpx.get(f"{start_service(model_store=tmp_path)}/v2/models/chosen/config").json()
    assert config["version_policy"] == {"specific": {"versions": [1, 3]}}


@pytest.mark.parametrize("path", ["", "/ready", "/config", "/stats"])
def test_unknown_models_and_versions_are_not_found(client: httpx.Client, path: str) -> None:
    for model in ("..%2fetc", "colours/versions/9"):
        response = client.get(f"/v2/models/{model}{path}")
        assert (response.status_code, list(response.json())) == (404, ["error"])

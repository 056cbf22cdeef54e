"""The index of the store under /v2, against a real process."""

from __future__ import annotations

import httpx
import pytest
from tritonclient.http import InferenceServerClient


def test_every_version_is_listed_with_its_state(triton: InferenceServerClient) -> None:
    index = triton.get_model_repository_index()
    states = {(entry["name"], entry["version"]): entry["state"] for entry in index}
    assert states == {
        ("broken", "1"): "UNAVAILABLE",
        ("colours", "1"): "READY",
        ("colours", "2"): "READY",
        ("unproven", "1"): "UNAVAILABLE",
    }
    assert all(("reason" in entry) == (entry["state"] == "UNAVAILABLE") for entry in index)
    assert "model.onnx" in index[0]["reason"]


def test_only_those_that_are_ready(client: httpx.Client) -> None:
    assert len(client.post("/v2/repository/index", json={"ready": False}).json()) == 4
    ready = client.post("/v2/repository/index", json={"ready": True}).json()
    assert ready == [{"name": "colours", "version": version, "state": "READY"} for version in ("1", "2")]


@pytest.mark.parametrize(("body", "status"), [(b"[]", 400), (b"{", 400), (b'{"ready": 1}', 400), (b" " * 10_001, 413)])
def test_other_bodies_are_refused(client: httpx.Client, body: bytes, status: int) -> None:
    response = client.post("/v2/repository/index", content=body)
    assert (response.status_code, list(response.json())) == (status, ["error"])

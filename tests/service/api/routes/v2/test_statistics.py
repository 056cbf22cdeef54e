"""Statistics under /v2, which add up, against a real process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput

AT_ONCE = 24
STAGES = ("queue", "compute_input", "compute_infer", "compute_output")


@pytest.fixture
def address(start_service: Callable[..., str], publish: Callable[..., Path], tmp_path: Path) -> str:
    """The address of a server of its own."""
    for version in ("1", "2"):
        publish(tmp_path, "colours", version)
    return start_service(model_store=tmp_path, max_queue=AT_ONCE)


@pytest.fixture
def own(address: str) -> Iterator[InferenceServerClient]:
    """A client of that server."""
    with InferenceServerClient(address.removeprefix("http://"), concurrency=AT_ONCE) as client:
        yield client


def _input(num_clips: int) -> list[InferInput]:
    tensor = InferInput("clips", [num_clips, 8, 32, 32, 3], "UINT8")
    return [tensor.set_data_from_numpy(np.zeros((num_clips, 8, 32, 32, 3), np.uint8))]


def _check_sums(statistics: dict[str, Any]) -> None:
    inference, batches = statistics["inference_stats"], statistics["batch_stats"]
    assert inference["success"]["ns"] == sum(inference[stage]["ns"] for stage in STAGES)
    assert {inference[stage]["count"] for stage in STAGES} == {inference["success"]["count"]}
    assert sum(batch["compute_infer"]["count"] for batch in batches) == statistics["execution_count"]
    sizes = [batch["batch_size"] * batch["compute_infer"]["count"] for batch in batches]
    assert sum(sizes) == statistics["inference_count"]
    assert sum(batch["compute_infer"]["ns"] for batch in batches) <= inference["compute_infer"]["ns"]


def test_requests_and_runs_are_counted(own: InferenceServerClient) -> None:
    before = time.time() * 1000
    for num_clips in (1, 1, 3):
        own.infer("colours", _input(num_clips), model_version="1")
    own.infer("colours", _input(2))
    first, second = own.get_inference_statistics()["model_stats"]
    for statistics in (first, second):
        _check_sums(statistics)
        assert before - 1 <= statistics["last_inference"] <= time.time() * 1000
    assert (first["name"], first["version"], first["inference_count"], first["execution_count"]) == (
        "colours",
        "1",
        5,
        3,
    )
    assert [batch["batch_size"] for batch in first["batch_stats"]] == [1, 3]
    assert second["inference_count"] == 2
    assert own.get_inference_statistics("colours", "1")["model_stats"] == [first]
    assert own.get_inference_statistics("colours")["model_stats"] == [first, second]


def test_requests_that_share_a_run_add_up_too(own: InferenceServerClient) -> None:
    pending = [own.async_infer("colours", _input(1)) for _ in range(AT_ONCE)]
    for request in pending:
        request.get_result()
    (statistics,) = own.get_inference_statistics("colours", "2")["model_stats"]
    _check_sums(statistics)
    assert statistics["inference_stats"]["success"]["count"] == statistics["inference_count"] == AT_ONCE
    assert statistics["execution_count"] <= AT_ONCE


def test_videos_count_wherever_they_came_in(own: InferenceServerClient, address: str, videos: dict[str, bytes]) -> None:
    httpx.post(f"{address}/predict", content=videos["mp4"])
    tensor = InferInput("video", [1], "BYTES")
    own.infer("colours", [tensor.set_data_from_numpy(np.array([videos["mp4"]], np.object_))])
    (statistics,) = own.get_inference_statistics("colours", "2")["model_stats"]
    _check_sums(statistics)
    assert statistics["inference_count"] == 2


def test_a_version_that_was_never_run_has_zeros(own: InferenceServerClient) -> None:
    (statistics,) = own.get_inference_statistics("colours", "1")["model_stats"]
    assert (statistics["last_inference"], statistics["inference_count"], statistics["batch_stats"]) == (0, 0, [])
    assert statistics["inference_stats"]["fail"] == {"count": 0, "ns": 0}

"""Metrics: well-formed, counted right, and free of anything that a client chose."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.metrics import Metrics, ModelLabels
from service.telemetry.model_metrics import ModelKey

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

CONTRACT = {
    "tin_requests": "counter",
    "tin_stage_duration_seconds": "histogram",
    "tin_queue_depth": "gauge",
    "tin_queue_capacity": "gauge",
    "tin_batch_size": "histogram",
    "tin_upload_bytes": "histogram",
    "tin_frames_decoded": "histogram",
    "tin_model_info": "gauge",
    "tin_trainings": "counter",
    "tin_top1": "counter",
    "tin_top1_probability": "histogram",
}
COLOURS: ModelKey = ("colours", "2")


@pytest.fixture
def own(store: Path, start_service: Callable[..., str]) -> Iterator[httpx.Client]:
    """A service that nobody else talks to."""
    with httpx.Client(base_url=start_service(model_store=store), timeout=20) as client:
        yield client


def _parse(text: str) -> Samples:
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def _value(samples: Samples, name: str, **labels: str) -> float | None:
    """Sum of the samples that carry these labels; None where there is none."""
    found = [value for (each, all_labels), value in samples.items() if each == name and labels.items() <= all_labels]
    return sum(found) if found else None


def _models_of(samples: Samples, name: str) -> set[ModelKey]:
    return {(dict(labels)["model"], dict(labels)["version"]) for each, labels in samples if each == name}


def _labels(name: str, version: str = "1") -> ModelLabels:
    return ModelLabels(name, version, "model.onnx", "sha256:0", "cpu")


def test_real_requests_are_counted_and_measured(
    own: httpx.Client, videos: dict[str, bytes], not_videos: dict[str, bytes]
) -> None:
    for video in (videos["mp4"], videos["avi"], not_videos["text"]):
        own.post("/predict", content=video)
    clips = np.zeros((2, 8, 32, 32, 3), np.uint8)
    tensor = {"name": "clips", "shape": clips.shape, "datatype": "UINT8", "data": clips.ravel().tolist()}
    inferred = own.post("/v2/models/colours/infer", json={"inputs": [tensor]})
    assert inferred.status_code == 200
    own.post("/v2/models/my-secret/infer", json={})
    own.post("/my-secret")
    own.get("/health/live")
    response = own.get("/metrics", params={"my-secret": "1"})
    samples = _parse(response.text)

    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    outcomes = {"ok": 3, "not-a-video": 1, "unknown-model": 1, "not-found": 1}
    assert {label: _value(samples, "tin_requests_total", outcome=label) for label in outcomes} == outcomes
    assert _value(samples, "tin_requests_total") == 6
    assert _value(samples, "tin_requests_total", outcome="ok", model="colours", version="2") == 3
    assert _value(samples, "tin_requests_total", outcome="not-a-video", model="colours", version="2") == 1
    assert _value(samples, "tin_requests_total", outcome="unknown-model", model="", version="") == 1
    sizes = [len(videos["mp4"]), len(videos["avi"]), len(not_videos["text"]), len(inferred.request.content)]
    assert _value(samples, "tin_upload_bytes_count") == 4
    assert _value(samples, "tin_upload_bytes_sum") == sum(sizes)
    assert _value(samples, "tin_frames_decoded_count") == 2
    assert 16 <= (_value(samples, "tin_frames_decoded_sum") or 0) <= 80
    assert _value(samples, "tin_queue_depth") == 0
    counts = {"upload": 3, "decode": 2, "transform": 2, "infer": 3, "total": 3}
    for stage, count in counts.items():
        assert _value(samples, "tin_stage_duration_seconds_count", stage=stage) == count
    assert _models_of(samples, "tin_stage_duration_seconds_count") == {COLOURS}
    assert _models_of(samples, "tin_batch_size_count") == {COLOURS}
    assert _models_of(samples, "tin_queue_depth") == {("colours", "1"), COLOURS}
    assert not {name for name, _ in samples if name.startswith("tin_top1")}
    models = [dict(labels) for (name, labels) in samples if name == "tin_model_info"]
    assert sorted((model["name"], model["version"]) for model in models) == [("colours", "1"), ("colours", "2")]
    assert "secret" not in response.text


def test_stability_is_one_batch_of_three_and_the_rest_stays_one_clip(
    own: httpx.Client, videos: dict[str, bytes]
) -> None:
    def batches() -> tuple[float | None, float | None]:
        samples = _parse(own.get("/metrics").text)
        return _value(samples, "tin_batch_size_count"), _value(samples, "tin_batch_size_sum")

    assert own.post("/predict", content=videos["mp4"]).status_code == 200
    assert batches() == (1, 1)
    assert own.post("/predict", params={"stability": True}, content=videos["mp4"]).status_code == 200
    assert batches() == (2, 4)


def test_names_and_units_keep_prometheus_rules() -> None:
    families = list(text_string_to_metric_families(Metrics(drift=True).render([_labels("a")]).decode()))
    ours = {family.name: family.type for family in families if family.name.startswith("tin_")}
    assert CONTRACT.items() <= ours.items()
    assert all(name in CONTRACT or name.removesuffix("_created") in CONTRACT for name in ours)
    for family in families:
        assert family.documentation.endswith(".")
        assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
        assert not re.search(r"_(milliseconds|ms|minutes|kilobytes|counter|gauge|histogram)(_|$)", family.name)
        assert family.name.endswith("_total") <= (family.type == "counter")


@pytest.mark.skipif(
    shutil.which("promtool") is None and os.environ.get("TIN_REQUIRE_PROMTOOL") != "1",
    reason="there is no promtool, which is part of prometheus; TIN_REQUIRE_PROMTOOL=1 insists",
)
def test_promtool_finds_nothing_wrong(store: Path, start_service: Callable[..., str], videos: dict[str, bytes]) -> None:
    with httpx.Client(base_url=start_service(model_store=store, drift_metrics=True), timeout=20) as client:
        assert client.post("/predict", content=videos["mp4"]).status_code == 200
        read = client.get("/metrics").content
    assert b"tin_top1_total{" in read
    done = subprocess.run(["promtool", "check", "metrics"], input=read, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_each_application_has_its_own() -> None:
    first, second = Metrics(), Metrics()
    first.end_request("ok")
    assert _value(_parse(first.render([]).decode()), "tin_requests_total", outcome="ok") == 1
    assert _value(_parse(second.render([]).decode()), "tin_requests_total", outcome="ok") is None


def test_batches_and_the_queue_are_told_by_model() -> None:
    metrics = Metrics()
    metrics.set_queue_capacity(16)
    metrics.observe_batch(("a", "1"), 4)
    metrics.observe_batch(("a", "1"), 5)
    with metrics.queued(("a", "1")), metrics.queued(("a", "1")), metrics.queued(("a", "2")):
        samples = _parse(metrics.render([_labels("a"), _labels("a", "2")]).decode())
    assert _value(samples, "tin_queue_depth", model="a", version="1") == 2
    assert _value(samples, "tin_queue_depth") == 3
    assert _value(samples, "tin_queue_capacity") == 16
    assert _value(samples, "tin_batch_size_sum", model="a", version="1") == 9
    assert (_value(samples, "tin_batch_size_bucket", le="4.0"), _value(samples, "tin_batch_size_count")) == (1, 2)
    assert _value(_parse(metrics.render([_labels("a")]).decode()), "tin_queue_depth") == 0


def test_stages_are_told_in_seconds() -> None:
    metrics = Metrics()
    metrics.observe_stages(("a", "1"), {"decode": 0.25, "transform": 0.001, "infer": 0.03, "total": 0.3})
    samples = _parse(metrics.render([_labels("a")]).decode())
    assert _value(samples, "tin_stage_duration_seconds_sum", stage="decode") == pytest.approx(0.25)
    assert _value(samples, "tin_stage_duration_seconds_count", stage="upload") is None


def test_the_series_of_a_version_end_when_it_is_no_longer_loaded() -> None:
    metrics = Metrics(drift=True)

    def measured(*loaded: ModelLabels) -> set[ModelKey]:
        samples = _parse(metrics.render(loaded).decode())
        return {(dict(labels)["model"], dict(labels)["version"]) for _, labels in samples if "model" in dict(labels)}

    def use(model: ModelKey) -> None:
        metrics.end_request("ok", model)
        metrics.observe_stages(model, {"total": 0.1})
        metrics.observe_batch(model, 1)
        metrics.observe_answer(model, "jump", 0.5)
        with metrics.queued(model):
            pass

    metrics.end_request("not-found")
    for number in range(100):
        use(("a", str(number)))
    assert measured(_labels("a", "98"), _labels("a", "99")) == {("", ""), ("a", "98"), ("a", "99")}
    with metrics.queued(("a", "98")):
        assert measured(_labels("a", "99")) == {("", ""), ("a", "99")}
    use(("a", "98"))  # a request that held the version while it was removed
    assert measured(_labels("a", "99")) == {("", ""), ("a", "99")}
    use(("a", "98"))  # published again
    samples = _parse(metrics.render([_labels("a", "98")]).decode())
    assert _value(samples, "tin_requests_total", model="a", version="98") == 1


def test_answers_are_counted_by_label_where_it_is_asked_for(
    store: Path, start_service: Callable[..., str], videos: dict[str, bytes]
) -> None:
    with httpx.Client(base_url=start_service(model_store=store, drift_metrics=True), timeout=20) as client:
        for version in ("1", "2", "2"):
            answer = client.post("/predict", params={"version": version}, content=videos["mp4"]).json()
        samples = _parse(client.get("/metrics").text)
    top1 = answer["predictions"][0]
    assert top1["label"] == "Showing blue"
    assert _value(samples, "tin_top1_total", label="Showing blue", model="colours", version="2") == 2
    assert _value(samples, "tin_top1_total") == 3
    assert _value(samples, "tin_top1_probability_count", model="colours", version="2") == 2
    assert _value(samples, "tin_top1_probability_sum", model="colours", version="2") == pytest.approx(
        2 * top1["probability"]
    )


def test_models_come_and_go() -> None:
    metrics = Metrics()

    def named(*models: ModelLabels) -> list[str]:
        samples = _parse(metrics.render(models).decode())
        return [dict(labels)["name"] for name, labels in samples if name == "tin_model_info"]

    assert named(_labels("a"), _labels("c")) == ["a", "c"]
    assert named(_labels("c")) == ["c"]

"""Inference under /v2, asked for by Triton's own client and by hand, against a real process."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.types import Receive, Scope, Send
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput, InferResult
from tritonclient.utils import InferenceServerException

from clips.decoding.decode import decode
from clips.sampling import evaluation_indices
from clips.scores import average_views, top_scores
from clips.transforms import make_views
from service.api.app import create_app
from service.backends.base import Clips, Outputs
from service.backends.contract import OUTPUTS
from service.config.settings import Settings
from service.decoding.pool import DecoderPool
from service.decoding.timeline_pool import TimelinePool
from service.inference.batcher import Batcher
from service.inference.pipeline import LocalDecoders, make_gateway
from service.models.registry import Registry
from service.models.versions import LoadedModel
from service.telemetry.metrics import Metrics
from tests.helpers.fakes.fake_backend import FakeBackend
from tests.helpers.servers.service import UPLOAD_LIMIT
from tests.helpers.stores import LABELS, SPEC

CLIPS = np.random.default_rng(0).integers(0, 256, (3, 8, 32, 32, 3), np.uint8)


NAMED = ["weights", "features", "logits", "offsets"]


@pytest.fixture(scope="module")
def answers(store: Path) -> Outputs:
    """The model's own outputs for CLIPS."""
    return _infer_here(store, CLIPS)


def _infer_here(store: Path, clips: Clips) -> Outputs:
    registry = Registry.open(Settings(model_store=store, onnx_threads=1))
    try:
        return registry.get("colours").backend.infer(clips)
    finally:
        registry.close()


def _input(clips: Clips, *, binary: bool) -> list[InferInput]:
    tensor = InferInput("clips", list(clips.shape), "UINT8")
    return [tensor.set_data_from_numpy(clips, binary_data=binary)]


def _check_equal(result: InferResult, answers: Outputs) -> None:
    for name in OUTPUTS:
        np.testing.assert_array_equal(result.as_numpy(name), getattr(answers, name))


def _json_request(**changes: Any) -> dict[str, Any]:
    clip = CLIPS[:1]
    tensor = {"name": "clips", "shape": list(clip.shape), "datatype": "UINT8", "data": clip.tolist()}
    return {"inputs": [tensor | changes]}


def _check_error(response: httpx.Response, status: int) -> str:
    assert response.headers["content-type"] == "application/json"
    assert (response.status_code, list(response.json())) == (status, ["error"]), response.text
    return str(response.json()["error"])


@pytest.mark.parametrize("binary_input", [True, False])
@pytest.mark.parametrize("binary_output", [True, False])
def test_every_form_gives_the_models_own_bits(
    triton: InferenceServerClient, answers: Outputs, *, binary_input: bool, binary_output: bool
) -> None:
    outputs = [InferRequestedOutput(name, binary_output) for name in NAMED]
    result = triton.infer("colours", _input(CLIPS, binary=binary_input), outputs=outputs, request_id="abc")
    _check_equal(result, answers)
    told = result.get_response()
    assert (told["model_name"], told["model_version"], told["id"]) == ("colours", "2", "abc")
    assert [output["name"] for output in told["outputs"]] == NAMED
    assert all(("data" in output) != binary_output for output in told["outputs"])


def test_without_outputs_named_all_come(triton: InferenceServerClient, answers: Outputs) -> None:
    result = triton.infer("colours", _input(CLIPS, binary=True), model_version="1")
    _check_equal(result, answers)
    assert result.get_response()["model_version"] == "1"


def test_only_what_is_asked_for_comes(triton: InferenceServerClient, answers: Outputs) -> None:
    result = triton.infer("colours", _input(CLIPS, binary=True), outputs=[InferRequestedOutput("logits")])
    np.testing.assert_array_equal(result.as_numpy("logits"), answers.logits)
    assert result.as_numpy("weights") is None


@pytest.mark.parametrize(
    ("model", "outputs"),
    [("tsm", ["logits", "features"]), ("none", ["logits", "features"]), ("old", ["logits", "offsets", "weights"])],
)
def test_a_model_gives_the_outputs_that_it_has(networks_url: str, model: str, outputs: list[str]) -> None:
    with InferenceServerClient(networks_url.removeprefix("http://")) as client:
        assert [output["name"] for output in client.get_model_metadata(model)["outputs"]] == [*outputs, "labels"]
        result = client.infer(model, _input(CLIPS, binary=True))
        assert [output["name"] for output in result.get_response()["outputs"]] == [*outputs, "labels"]
        for missing in set(OUTPUTS) - set(outputs):
            with pytest.raises(InferenceServerException, match=missing):
                client.infer(model, _input(CLIPS, binary=True), outputs=[InferRequestedOutput(missing)])


def test_requests_at_once_are_all_answered(triton: InferenceServerClient, answers: Outputs) -> None:
    pending = [triton.async_infer("colours", _input(CLIPS, binary=True)) for _ in range(4)]
    for request in pending:
        _check_equal(request.get_result(), answers)


def test_the_model_is_the_one_behind_predict(
    triton: InferenceServerClient, client: httpx.Client, videos: dict[str, bytes]
) -> None:
    clip = decode(videos["mp4"], lambda num_frames: evaluation_indices(num_frames, SPEC.num_frames))
    result = triton.infer("colours", _input(make_views(clip.images, SPEC), binary=True))
    scores = top_scores(average_views(result.as_numpy("logits")), LABELS, 5)
    told = client.post("/predict", content=videos["mp4"]).json()["predictions"]
    assert [(score.label, score.probability) for score in scores] == [
        (action["label"], action["probability"]) for action in told
    ]


def test_triton_tells_the_clients_user_what_is_wrong(triton: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match=r"\[3, 8, 32, 16, 3\]"):
        triton.infer("colours", _input(np.ascontiguousarray(CLIPS[:, :, :, :16]), binary=True))
    with pytest.raises(InferenceServerException, match="'none'"):
        triton.infer("none", _input(CLIPS, binary=True))


def test_classification_names_the_highest_logits(triton: InferenceServerClient, answers: Outputs) -> None:
    for binary in (True, False):
        wanted = [InferRequestedOutput("logits", binary, class_count=2)]
        result = triton.infer("colours", _input(CLIPS, binary=True), outputs=wanted).as_numpy("logits")
        assert result.shape == (3, 2)
        texts = [text.decode() if binary else text for text in result[:, 0]]
        best = answers.logits.argmax(axis=1)
        for text, row, index in zip(texts, answers.logits, best, strict=True):
            assert text == f"{row[index]:f}:{index}:{LABELS[index]}"


def test_labels_come_for_each_clip(triton: InferenceServerClient, answers: Outputs) -> None:
    labels = triton.infer("colours", _input(CLIPS, binary=True)).as_numpy("labels")
    assert [text.decode() for text in labels[:, 0]] == [LABELS[index] for index in answers.logits.argmax(axis=1)]


@pytest.mark.parametrize("path", ["", "/ready", "/infer", "/versions/9", "/versions/9/ready", "/versions/9/infer"])
def test_unknown_models_and_versions(client: httpx.Client, path: str) -> None:
    name = "colours" if "versions" in path else "..%2fetc"
    method = "POST" if path.endswith("infer") else "GET"
    _check_error(client.request(method, f"/v2/models/{name}{path}"), 404)


def test_bad_requests(client: httpx.Client) -> None:
    def infer(**arguments: Any) -> httpx.Response:
        return client.post("/v2/models/colours/infer", **arguments)

    assert "UINT8, not 'FP32'" in _check_error(infer(json=_json_request(datatype="FP32")), 400)
    assert "not JSON" in _check_error(infer(content=b"\xff"), 400)
    assert "1 to 16 clips, not 17" in _check_error(infer(json=_json_request(shape=[17, 8, 32, 32, 3])), 400)
    assert "2,000,000 bytes" in _check_error(infer(content=b" " * (UPLOAD_LIMIT + 1)), 413)
    assert "Content-Encoding" in _check_error(infer(content=b"x", headers={"Content-Encoding": "br"}), 415)
    headers = {"Inference-Header-Content-Length": "9" * 5000}
    assert "not a number" in _check_error(infer(json=_json_request(), headers=headers), 400)


def test_every_failure_under_v2_has_the_protocols_form(client: httpx.Client) -> None:
    _check_error(client.get("/v2/nothing"), 404)
    _check_error(client.get("/v2/models/colours/infer"), 405)
    assert "broken/1/model.onnx" in _check_error(client.get("/v2/models/broken/versions/1"), 503)
    assert client.get("/v2x").headers["content-type"] == "application/problem+json"


def test_the_answer_tells_its_stages(client: httpx.Client) -> None:
    told = client.post("/v2/models/colours/infer", json=_json_request()).headers["Server-Timing"].split(", ")
    spent = {stage: float(milliseconds) for stage, milliseconds in (entry.split(";dur=") for entry in told)}
    assert list(spent) == ["upload", "infer", "total"]
    assert 0 < spent["upload"] + spent["infer"] <= spent["total"]


def test_the_answer_in_json_is_plain_json(client: httpx.Client, answers: Outputs) -> None:
    response = client.post("/v2/models/colours/infer", json=_json_request())
    assert "inference-header-content-length" not in response.headers
    logits, *_ = json.loads(response.content)["outputs"]
    assert (logits["name"], logits["shape"], logits["datatype"]) == ("logits", [1, 6], "FP32")
    np.testing.assert_allclose(logits["data"], answers.logits[0], rtol=1e-6)


class _WaitingBackend(FakeBackend):
    """Infers when it is told to."""

    def __init__(self) -> None:
        super().__init__(num_classes=2)
        self.entered, self.released = threading.Event(), threading.Event()

    def infer(self, clips: Clips) -> Outputs:
        self.entered.set()
        assert self.released.wait(5)
        return super().infer(clips)


async def _ask_while_it_works(backend: _WaitingBackend) -> tuple[httpx.Response, httpx.Response]:
    model = LoadedModel("slow", "1", "0" * 64, "model.onnx", "runs everywhere", ("a", "b"), SPEC, backend)
    settings, metrics = Settings(), Metrics()
    batcher = Batcher(metrics.observe_run)
    decoders = LocalDecoders(DecoderPool(1, 1 << 30), TimelinePool(1, 1 << 30), batcher)
    gateway = make_gateway(settings, Registry({"slow": [model]}), metrics, decoders, batcher)
    batches = asyncio.create_task(batcher.run())
    app = create_app(Settings())

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {"gateway": gateway}}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://test") as client:
        asked = asyncio.create_task(client.post("/v2/models/slow/infer", json=_json_request()))
        assert await asyncio.to_thread(backend.entered.wait, 5)
        meanwhile = await client.get("/v2/health/live")
        backend.released.set()
        answer = await asked
        batches.cancel()
        return meanwhile, answer


def test_a_model_at_work_holds_nobody_up() -> None:
    meanwhile, answer = asyncio.run(_ask_while_it_works(_WaitingBackend()))
    assert meanwhile.json() == {"live": True}
    assert answer.json()["outputs"][0]["shape"] == [1, 2]

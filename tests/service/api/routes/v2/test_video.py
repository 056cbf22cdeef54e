"""A video through the protocol: one request of Triton's client gives what /predict answers, to the bit."""

from __future__ import annotations

import base64
from pathlib import Path

import httpx
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from clips.clip_spec import ClipSpec, View
from clips.decoding.limits import DecodeLimits
from clips.preprocess import preprocess
from clips.scores import average_views, top_scores
from service.config.settings import Settings
from service.models.registry import Registry
from tests.helpers.servers.service import UPLOAD_LIMIT
from tests.helpers.stores import LABELS, SPEC

TWO_CLIPS = ClipSpec(num_frames=8, short_side=32, crop=32, view=View.SQUEEZE, clips=2)


def _input(video: bytes, *, binary: bool = True) -> list[InferInput]:
    tensor = InferInput("video", [1], "BYTES")
    element = video if binary else base64.b64encode(video)
    return [tensor.set_data_from_numpy(np.array([element], np.object_), binary_data=binary)]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("kind", ["mp4", "avi"])
def test_a_video_gives_the_outputs_of_its_clip(
    triton: InferenceServerClient, store: Path, videos: dict[str, bytes], kind: str, *, binary: bool
) -> None:
    result = triton.infer("colours", _input(videos[kind], binary=binary), request_id="v")
    registry = Registry.open(Settings(model_store=store, onnx_threads=1))
    outputs = registry.get("colours").backend.infer(preprocess(videos[kind], SPEC, DecodeLimits()).views)
    registry.close()
    for name, values in outputs.arrays().items():
        np.testing.assert_array_equal(result.as_numpy(name), values)
    assert result.as_numpy("labels").tolist() == [[LABELS[int(outputs.logits.argmax())].encode()]]
    assert result.get_response()["id"] == "v"


def test_the_answer_is_that_of_predict(
    triton: InferenceServerClient, client: httpx.Client, videos: dict[str, bytes]
) -> None:
    wanted = [InferRequestedOutput("logits"), InferRequestedOutput("labels", binary_data=False)]
    result = triton.infer("colours", _input(videos["mp4"]), outputs=wanted)
    told = client.post("/predict", content=videos["mp4"]).json()["predictions"]
    scores = top_scores(average_views(result.as_numpy("logits")), LABELS, 5)
    assert [(score.label, score.probability) for score in scores] == [
        (action["label"], action["probability"]) for action in told
    ]
    assert result.as_numpy("labels").tolist() == [[told[0]["label"]]]
    assert result.as_numpy("features") is None


def test_a_model_of_two_views_answers_with_both(start_service, publish, tmp_path, videos):
    publish(tmp_path, "twice", "1", clip=TWO_CLIPS)
    with InferenceServerClient(start_service(model_store=tmp_path).removeprefix("http://")) as client:
        result = client.infer("twice", _input(videos["mp4"]))
    assert result.as_numpy("logits").shape == (2, 6)
    assert result.as_numpy("labels").shape == (1, 1)


def test_a_video_takes_the_stages_of_predict(client: httpx.Client, videos: dict[str, bytes]) -> None:
    data = base64.b64encode(videos["mp4"]).decode()
    tensor = {"name": "video", "shape": [1], "datatype": "BYTES", "data": [data]}
    response = client.post("/v2/models/colours/infer", json={"inputs": [tensor], "outputs": [{"name": "labels"}]})
    assert response.json()["outputs"] == [
        {"name": "labels", "shape": [1, 1], "datatype": "BYTES", "data": ["Showing blue"]}
    ]
    stages = [entry.split(";")[0] for entry in response.headers["Server-Timing"].split(", ")]
    assert stages == ["upload", "decode", "transform", "infer", "total"]


def test_what_predict_refuses_is_refused(triton: InferenceServerClient, not_videos: dict[str, bytes]) -> None:
    for bytes_of_no_video in (not_videos["text"], b"x"):
        with pytest.raises(InferenceServerException) as refused:
            triton.infer("colours", _input(bytes_of_no_video))
        assert refused.value.status() == "415"
    with pytest.raises(InferenceServerException) as refused:
        triton.infer("colours", _input(bytes(UPLOAD_LIMIT)))
    assert refused.value.status() == "413"

"""POST /predict and its neighbours, over HTTP, against a real process."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from clips.clip_spec import View
from service.inference.temporal import DESCRIPTIONS
from service.store.manifest import TemporalKind
from tests.helpers import stores


def _upload(client: httpx.Client, video: bytes, **params: Any) -> httpx.Response:
    return client.post("/predict", files={"video": ("clip.mp4", video)}, params=params)


def _check_blue(answer: dict[str, Any]) -> None:
    probabilities = [action["probability"] for action in answer["predictions"]]
    assert answer["predictions"][0]["label"] == "Showing blue"
    assert answer["predictions"][0]["index"] == 2
    assert [action["rank"] for action in answer["predictions"]] == [1, 2, 3, 4, 5]
    assert all(first >= second for first, second in itertools.pairwise(probabilities))
    assert sum(probabilities) <= 1


@pytest.mark.parametrize("kind", ["mp4", "avi", "mov"])
def test_form_gives_five_labels_and_the_sampled_frames(
    client: httpx.Client, videos: dict[str, bytes], kind: str
) -> None:
    response = _upload(client, videos[kind])
    assert response.status_code == 200, response.text
    answer = response.json()
    _check_blue(answer)
    clip = answer["clip"]
    assert clip["frames"] == 40
    assert (clip["width"], clip["height"], clip["size_bytes"]) == (64, 48, len(videos[kind]))
    assert clip["duration_seconds"] == pytest.approx(1.6, abs=0.09)
    assert [frame["index"] for frame in clip["sampled"]] == [i * 40 // 8 + 40 // 16 for i in range(8)]
    for frame in clip["sampled"]:
        assert frame["time_seconds"] == pytest.approx(frame["index"] / 25, abs=1e-3)


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "video/mp4", None])
def test_raw_body_gives_the_same(client: httpx.Client, videos: dict[str, bytes], content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    response = client.post("/predict", content=videos["mp4"], headers=headers)
    assert response.status_code == 200, response.text
    assert response.json()["predictions"] == _upload(client, videos["mp4"]).json()["predictions"]


def test_raw_body_may_come_in_chunks_of_unknown_number(client: httpx.Client, videos: dict[str, bytes]) -> None:
    video = videos["mp4"]
    response = client.post("/predict", content=(video[at : at + 100] for at in range(0, len(video), 100)))
    _check_blue(response.json())


def test_short_clip_repeats_frames(client: httpx.Client, videos: dict[str, bytes]) -> None:
    answer = _upload(client, videos["short.mp4"], explain=True).json()
    assert [frame["index"] for frame in answer["clip"]["sampled"]] == [0, 0, 0, 1, 1, 2, 2, 2]
    assert answer["frames"][0] == answer["frames"][1]
    assert answer["frames"][0]["image"] != answer["frames"][3]["image"]


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (6, 6), (7, 6), (10**30, 6), ("all", 6)])
def test_top_k(client: httpx.Client, videos: dict[str, bytes], top_k: int | str, count: int) -> None:
    predictions = _upload(client, videos["mp4"], top_k=top_k).json()["predictions"]
    assert len(predictions) == count
    assert sum(action["probability"] for action in predictions) <= 1 + 1e-9


def test_explain_adds_the_frames_and_the_interlacing(client: httpx.Client, videos: dict[str, bytes]) -> None:
    answer = _upload(client, videos["mp4"], explain="true").json()
    assert [(frame["index"], frame["time_seconds"]) for frame in answer["frames"]] == [
        (frame["index"], frame["time_seconds"]) for frame in answer["clip"]["sampled"]
    ]
    head, _, encoded = answer["frames"][0]["image"].partition(",")
    assert head == "data:image/jpeg;base64"
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    assert picture.shape == (48, 64, 3)
    assert picture[40, 60] == pytest.approx((10, 20, 220), abs=12)
    assert answer["temporal"]["kind"] == "tin"
    assert answer["interlacing"]["offsets"] == [[0.5, -1.0], [1.0, 0.25]]
    assert np.shape(answer["interlacing"]["weights"]) == (2, 8, 2)


@pytest.mark.parametrize("kind", ["tsm", "none"])
def test_a_network_that_does_not_interlace_is_explained_by_its_kind(
    networks_url: str, videos: dict[str, bytes], kind: TemporalKind
) -> None:
    with httpx.Client(base_url=networks_url) as client:
        answer = _upload(client, videos["mp4"], explain="true", stability="true", features="true", model=kind).json()
    _check_blue(answer)
    assert answer["temporal"] == {"kind": kind, "description": DESCRIPTIONS[kind]}
    assert len(answer["frames"]) == 8
    assert "interlacing" not in answer
    assert answer["stability"]["is_stable"] is True
    assert len(answer["features"]) == 3


@pytest.mark.parametrize(("model", "likely"), [("always", True), ("never", False), ("silent", None)])
def test_an_answer_is_likely_by_the_threshold_of_its_model(
    thresholds_url: str, videos: dict[str, bytes], model: str, likely: bool | None
) -> None:
    with httpx.Client(base_url=thresholds_url) as client:
        answer = _upload(client, videos["mp4"], model=model).json()
        rows = client.post("/timeline", content=videos["mp4"], params={"model": model}).text.splitlines()
        statuses = client.get("/models").json()["models"]
    _, *windows, last = map(json.loads, rows)
    _check_blue(answer)
    assert [each.get("likely") for each in (answer, *windows, *last["segments"])] == [likely] * (
        1 + len(windows) + len(last["segments"])
    )
    assert ("likely" in answer) is (likely is not None)
    (threshold,) = [status["threshold"] for status in statuses if status["name"] == model]
    assert threshold == {"always": 0, "never": 1}.get(model)


def test_without_explain_there_are_none(client: httpx.Client, videos: dict[str, bytes]) -> None:
    assert not {"frames", "temporal", "interlacing", "features"} & _upload(client, videos["mp4"]).json().keys()


def test_features_are_the_mean_of_the_model_s_own(client: httpx.Client, videos: dict[str, bytes]) -> None:
    answer = _upload(client, videos["mp4"], features="true", top_k=3).json()
    # The features of the test's model are the mean colour, and the clip is blue.
    assert answer["features"] == [pytest.approx(10, abs=12), pytest.approx(20, abs=12), pytest.approx(220, abs=12)]
    assert answer["predictions"] == _upload(client, videos["mp4"], top_k=3).json()["predictions"]


def test_a_model_from_before_there_were_features_says_so_and_answers_without_them(
    networks_url: str, videos: dict[str, bytes]
) -> None:
    with httpx.Client(base_url=networks_url) as client:
        refused = _upload(client, videos["mp4"], features="true", model="old")
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/no-features")
        assert "tin reexport" in refused.json()["detail"]
        _check_blue(_upload(client, videos["mp4"], explain="true", model="old").json())


def test_stability_adds_other_frames_and_the_reverse_order(client: httpx.Client, videos: dict[str, bytes]) -> None:
    plain = _upload(client, videos["mp4"], top_k=3).json()
    answer = _upload(client, videos["mp4"], top_k=3, stability="true", explain="true").json()
    assert answer["predictions"] == [pytest.approx(action) for action in plain["predictions"]]
    assert answer["clip"] == plain["clip"]
    assert len(answer["frames"]) == len(answer["clip"]["sampled"]) == 8
    assert answer["interlacing"]["offsets"] == [[0.5, -1.0], [1.0, 0.25]]
    stability = answer["stability"]
    sampled = stability["shifted"]["sampled"]
    assert [frame["index"] for frame in sampled] == [5, 10, 15, 20, 25, 30, 35, 39]
    assert all(frame["time_seconds"] == pytest.approx(frame["index"] / 25, abs=1e-3) for frame in sampled)
    for variant in ("shifted", "reversed"):
        assert [action["rank"] for action in stability[variant]["predictions"]] == [1, 2, 3]
        assert stability[variant]["predictions"][0]["label"] == "Showing blue"


def test_a_model_of_colours_does_not_depend_on_order(client: httpx.Client, videos: dict[str, bytes]) -> None:
    for kind in ("mp4", "short.mp4"):
        stability = _upload(client, videos[kind], stability="true").json()["stability"]
        assert (stability["is_stable"], stability["depends_on_order"]) == (True, False)
        assert stability["reversal"] == pytest.approx(0, abs=1e-5)
        assert 0 <= stability["shift"] < 0.1


def test_without_stability_there_is_none(client: httpx.Client, videos: dict[str, bytes]) -> None:
    assert "stability" not in _upload(client, videos["mp4"], explain="true").json()


@pytest.fixture(scope="module")
def twenty_views(tmp_path_factory: pytest.TempPathFactory, start_service: Callable[..., str]) -> Iterator[httpx.Client]:
    """Talks to a server of a model that samples twice and sees ten crops."""
    root = tmp_path_factory.mktemp("model_store")
    stores.publish(root, "colours", "1", clip=replace(stores.SPEC, short_side=40, view=View.TEN, clips=2))
    with httpx.Client(base_url=start_service(model_store=root), timeout=20) as client:
        yield client


def test_a_model_that_samples_twice_names_the_frames_of_both_clips(
    twenty_views: httpx.Client, videos: dict[str, bytes]
) -> None:
    (status,) = twenty_views.get("/models").json()["models"]
    assert (status["num_views"], status["temperature"]) == (20, 1.0)
    assert status["clip"] == {"num_frames": 8, "clips": 2, "view": "ten", "short_side": 40, "crop": 32}
    answer = _upload(twenty_views, videos["mp4"], explain="true", stability="true").json()
    _check_blue(answer)
    assert [frame["index"] for frame in answer["clip"]["sampled"]] == [*range(2, 40, 5), *range(0, 40, 5)]
    assert [frame["index"] for frame in answer["frames"]] == list(range(2, 40, 5)), "those of the first clip"
    assert np.shape(answer["interlacing"]["weights"]) == (2, 8, 2)
    shifted = answer["stability"]["shifted"]["sampled"]
    assert [frame["index"] for frame in shifted] == [3, 8, 13, 18, 23, 28, 33, 38, 1, 6, 11, 16, 21, 26, 31, 36]


def test_a_timeline_averages_all_views_of_a_window(twenty_views: httpx.Client, videos: dict[str, bytes]) -> None:
    response = twenty_views.post("/timeline", content=videos["mp4"], params={"window_seconds": 0.5})
    assert response.status_code == 200, response.text
    windows = [json.loads(line) for line in response.text.splitlines()][1:-1]
    assert len(windows) > 3
    assert {window["predictions"][0]["label"] for window in windows} == {"Showing blue"}


def test_model_and_version_are_chosen_and_named(client: httpx.Client, videos: dict[str, bytes]) -> None:
    newest = _upload(client, videos["mp4"]).json()["model"]
    first = _upload(client, videos["mp4"], model="colours", version="1").json()["model"]
    assert (newest["name"], newest["version"]) == ("colours", "2")
    assert (first["name"], first["version"]) == ("colours", "1")
    assert first["digest"].startswith("sha256:")


def test_server_timing_says_what_the_answer_says(client: httpx.Client, videos: dict[str, bytes]) -> None:
    response = _upload(client, videos["mp4"])
    told = [entry.partition(";dur=") for entry in response.headers["Server-Timing"].split(", ")]
    timing = response.json()["timing_ms"]
    assert {stage: float(spent) for stage, _, spent in told} == pytest.approx(timing, rel=1e-4)
    assert list(timing) == ["upload", "decode", "transform", "infer", "total"]
    assert timing["total"] >= sum(timing[stage] for stage in ("upload", "decode", "transform", "infer")) - 0.01


def test_models_shows_the_refused_ones_with_the_reason(client: httpx.Client) -> None:
    answer = client.get("/models").json()
    by_name = {(model["name"], model["version"]): model for model in answer["models"]}
    assert answer["default"] == "colours"
    assert by_name["colours", "2"]["status"] == "ready"
    assert len(by_name["colours", "2"]["labels"]) == 6
    assert by_name["broken", "1"]["status"] == "refused"
    assert "broken/1/model.onnx is not the file that was published" in by_name["broken", "1"]["reason"]
    assert "differs from the checkpoint" in by_name["unproven", "1"]["reason"]


def test_health(client: httpx.Client) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_service_without_a_good_model_lives_but_is_not_ready(
    tmp_path: Path, publish: Callable[..., Path], start_service: Callable[..., str], videos: dict[str, bytes]
) -> None:
    (publish(tmp_path, "gone", "1") / "model.onnx").unlink()
    address = start_service(model_store=tmp_path)
    assert httpx.get(f"{address}/health/live").status_code == 200
    ready = httpx.get(f"{address}/health/ready")
    assert (ready.status_code, ready.json()["type"]) == (503, "/problems/not-ready")
    assert httpx.get(f"{address}/models").json()["default"] is None
    assert httpx.post(f"{address}/predict", content=videos["mp4"]).json()["type"] == "/problems/not-ready"


def test_models_tells_which_artifact_runs_and_why(client: httpx.Client) -> None:
    ready = [model for model in client.get("/models").json()["models"] if model["status"] == "ready"]
    assert {(model["artifact"], model["choice"]) for model in ready} == {("model.onnx", "onnx: runs everywhere")}
    assert [model["devices"] for model in ready] == [["cpu"]] * len(ready)
    assert client.get("/metrics").text.count(',device="cpu",') == len(ready)


def test_a_part_is_predicted_as_a_clip_of_its_own(client: httpx.Client, videos: dict[str, bytes]) -> None:
    answer = client.post("/predict", content=videos["mp4"], params={"from": 0.4, "to": 0.8, "stability": True}).json()
    assert answer["part"] == {"from_seconds": 0.4, "to_seconds": 0.8}
    assert [frame["index"] for frame in answer["clip"]["sampled"]] == [10, 11, 13, 14, 15, 16, 18, 19]
    assert answer["clip"]["sampled"][0]["time_seconds"] == 0.4
    assert (answer["clip"]["frames"], answer["clip"]["duration_seconds"]) == (40, 1.6)
    assert all(10 <= frame["index"] < 20 for frame in answer["stability"]["shifted"]["sampled"])
    in_json = {"video": base64.b64encode(videos["mp4"]).decode(), "from": 0.4, "to": 0.8, "stability": True}
    assert comparable(client.post("/predict", json=in_json).json()) == comparable(answer)
    assert "part" not in client.post("/predict", content=videos["mp4"]).json()


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"from": -1}, "bad-parameter"),
        ({"from": "nan"}, "bad-parameter"),
        ({"from": 1, "to": 1}, "bad-parameter"),
        ({"from": 1, "to": 0.5}, "bad-parameter"),
        ({"begin": 1}, "bad-parameter"),
        ({"from": 1.6}, "no-such-part"),
        ({"from": 2, "to": 3}, "no-such-part"),
        ({"from": 0.41, "to": 0.43}, "no-such-part"),
    ],
)
def test_a_part_that_is_not_there(
    client: httpx.Client, videos: dict[str, bytes], asked: dict[str, float], problem: str
) -> None:
    response = client.post("/predict", content=videos["mp4"], params=asked)
    assert (response.status_code, response.json()["type"]) == (422, f"/problems/{problem}")


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "timing_ms"}

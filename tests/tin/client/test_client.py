"""Client: the answers of a real service as the Python API's results, errors, and scripted failures."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import tin
from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.scripted_service import Answer, problem, scripted

EXAMPLE = REPOSITORY / "service" / "web" / "predict" / "example.mp4"
KEY = "sésame"

CLIP_ROW = {
    "kind": "clip",
    "model": {"name": "m", "version": "1", "digest": "sha256:0"},
    "clip": {
        "container": "mp4", "codec": "h264", "width": 4, "height": 4, "frames": 50, "duration_seconds": 2.0, "new": 1,
    },
    "num_windows": 2,
}  # fmt: skip
WINDOW_ROW = {
    "kind": "window",
    "start_seconds": 0.0,
    "end_seconds": 1.0,
    "predictions": [{"rank": 1, "label": "a\u2028b", "index": 0, "probability": 0.9}],
}


def as_answered(prediction: tin.Prediction) -> tin.Prediction:
    """A prediction with its times in microseconds, as the service writes them."""
    clip = prediction.clip
    assert clip.video is not None
    video = replace(clip.video, duration_seconds=round(clip.video.duration_seconds, 6))
    times = tuple(round(seconds, 6) for seconds in clip.times)
    return replace(prediction, clip=replace(clip, times=times, video=video))


def lines(*rows: dict[str, object]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def test_the_client_loads_no_server_and_no_runtime() -> None:
    code = "import sys, tin; tin.Client('http://localhost'); "
    code += "print(*{'onnxruntime', 'service', 'fastapi'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("top_k", [None, 3, "all"])
def test_predict_gives_what_the_model_gives(model: tin.Model, url: str, top_k: object) -> None:
    with tin.Client(url, KEY) as client:
        by_path = client.predict(EXAMPLE, top_k)  # type: ignore[arg-type]
        by_bytes = client.predict(EXAMPLE.read_bytes(), top_k, model=model.name, version="1")  # type: ignore[arg-type]
    assert by_path == by_bytes == as_answered(model.predict(EXAMPLE, top_k))  # type: ignore[arg-type]


def test_timeline_gives_what_the_model_gives(model: tin.Model, url: str) -> None:
    expected = model.timeline(EXAMPLE, 0.75, 0.5, top_k=3)
    with tin.Client(url, KEY) as client:
        stream = client.timeline(str(EXAMPLE), 0.75, 0.5, top_k=3)
        head = stream.head()
        assert (head.model, head.num_windows, head.clip.codec) == (expected.model, len(expected.windows), "h264")
        assert tuple(stream) == expected.windows
        assert stream.read() == client.timeline(EXAMPLE, 0.75, 0.5, top_k=3).read() == expected


def test_a_part_is_that_of_the_model(model: tin.Model, url: str) -> None:
    with tin.Client(url, KEY) as client:
        assert client.predict(EXAMPLE, start=0.5, end=1) == as_answered(model.predict(EXAMPLE, start=0.5, end=1))
        assert client.timeline(EXAMPLE, 0.5, end=1).read() == model.timeline(EXAMPLE, 0.5, end=1)
        with pytest.raises(tin.ServiceProblem, match="no such part"):
            client.predict(EXAMPLE, start=100)


def test_leaving_a_timeline_ends_its_request(url: str) -> None:
    with tin.Client(url, KEY) as client:
        stream = client.timeline(EXAMPLE, 0.5, 0.25)
        for _ in stream:
            break
        with pytest.raises(tin.NoAnswer):
            stream.read()
        with client.timeline(EXAMPLE, 0.5) as other:
            assert other.head().num_windows > 1


def test_problems_are_errors_with_their_fields(url: str, not_videos: dict[str, bytes]) -> None:
    with tin.Client(url, KEY) as client:
        with pytest.raises(tin.ServiceProblem) as refused:
            client.predict(not_videos["text"])
        with pytest.raises(tin.ServiceProblem, match=r"404 No such model: .*nothing"):
            client.predict(EXAMPLE, model="nothing")
        with pytest.raises(tin.ServiceProblem, match="step_seconds"):
            client.timeline(EXAMPLE, 1.0, 2.0).head()
    error = refused.value
    assert (error.status, error.type, error.title) == (415, "/problems/not-a-video", "Not a video")
    assert error.detail
    assert error.request_id
    assert error.retry_after is None
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_an_upload_that_is_refused_before_its_end_is_a_problem(url: str) -> None:
    with tin.Client(url, KEY) as client, pytest.raises(tin.ServiceProblem, match="413 The upload is too large"):
        client.predict(bytes(20_000_000))


@pytest.mark.parametrize("key", [None, "simsim"])
def test_a_service_with_keys_asks_for_one(url: str, key: str | None) -> None:
    with tin.Client(url, key) as client, pytest.raises(tin.ServiceProblem, match="401") as refused:
        client.predict(EXAMPLE)
    assert refused.value.type == "/problems/unauthorised"


@pytest.mark.parametrize("url", ["localhost:8000", "", "ftp://host", "http://", "http://host:eighty"])
def test_what_is_no_address_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        tin.Client(url)


def test_a_path_that_cannot_be_read_is_an_os_error(tmp_path: Path) -> None:
    with tin.Client("http://127.0.0.1:9") as client:
        for call in (client.predict, lambda video: client.timeline(video).read()):
            with pytest.raises(FileNotFoundError, match=r"nowhere\.mp4"):
                call(tmp_path / "nowhere.mp4")


def test_nobody_at_the_address_is_no_answer() -> None:
    with (
        tin.Client("http://127.0.0.1:9", retry_seconds=0) as client,
        pytest.raises(tin.NoAnswer, match="no answer"),
    ):
        client.predict(b"video")


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again(status: int) -> None:
    busy = problem(status, retry_after=0)
    with scripted(busy, busy, Answer(200, b"[]")) as script, tin.Client(script.url) as client:
        with pytest.raises(tin.NoAnswer, match="not one of tin-serve"):
            client.predict(b"video")
        assert script.bodies == [b"video"] * 3


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(503, retry_after=1000), tin.ServiceBusy),
        (problem(503), tin.ServiceBusy),
        (problem(500, retry_after=0), tin.ServiceProblem),
        (problem(415), tin.ServiceProblem),
        (Answer(502, b"<html>", {"Retry-After": "0"}), tin.ServiceProblem),
        (Answer(307, b'{"status": "moved"}'), tin.ServiceProblem),
        (Answer(None), tin.NoAnswer),
        (Answer(200, b'{"predictions": ', cut=True), tin.NoAnswer),
        (Answer(200, b"<html>"), tin.NoAnswer),
    ],
    ids=str,
)
def test_other_failures_are_not_tried_again(answer: Answer, kind: type[tin.ClientError]) -> None:
    with scripted(answer) as script, tin.Client(script.url) as client:
        with pytest.raises(tin.ClientError) as failed:
            client.predict(b"video")
        assert type(failed.value) is kind
        assert len(script.bodies) == 1
        if isinstance(failed.value, tin.ServiceProblem):
            assert failed.value.status == answer.status


def test_a_busy_service_says_for_how_long() -> None:
    with (
        scripted(problem(503, retry_after=7)) as script,
        tin.Client(script.url, retry_seconds=3) as client,
        pytest.raises(tin.ServiceBusy, match="Some problem: it is so") as busy,
    ):
        client.timeline(b"video").read()
    assert busy.value.retry_after == 7


@pytest.mark.parametrize("rest", [b"", lines(WINDOW_ROW)[:-9], lines(WINDOW_ROW)])
@pytest.mark.parametrize("cut", [True, False])
def test_a_timeline_that_breaks_off_is_no_answer(rest: bytes, cut: bool) -> None:
    body = lines(CLIP_ROW, WINDOW_ROW) + rest
    with scripted(Answer(200, body, cut=cut)) as script, tin.Client(script.url) as client:
        stream, found = client.timeline(b"video"), list[str]()
        with pytest.raises(tin.NoAnswer):
            found.extend(window.predictions[0].label for window in stream)
        assert found
        assert set(found) == {"a\u2028b"}
    with scripted(Answer(200, b"")) as script, tin.Client(script.url) as client, pytest.raises(tin.NoAnswer):
        client.timeline(b"video").head()


def test_the_problem_of_a_timeline_comes_after_its_windows() -> None:
    row = {"kind": "problem", "type": "/problems/draining", "title": "About to stop", "status": 503, "detail": "it is"}
    with scripted(Answer(200, lines(CLIP_ROW, WINDOW_ROW, row))) as script, tin.Client(script.url) as client:
        stream = client.timeline(b"video")
        with pytest.raises(tin.ServiceBusy, match="503 About to stop: it is"):
            stream.head()

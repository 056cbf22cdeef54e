"""/teach/..., over HTTP, against a real process whose trainings are scripted."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.middleware.response_headers import HEADERS
from service.api.routes.teach import REPORT_POLICY
from tests.helpers.http import metric, problem
from tests.helpers.servers.service import Server
from tests.helpers.servers.teaching import MODEL, scripted_folder, settings_in
from tests.helpers.videos.copies import copies_of
from tests.helpers.waiting import until

KEY = "open-sesame"
CHANGES = [
    ("POST", "/teach/actions?name=wave"),
    ("DELETE", "/teach/actions?name=wave"),
    ("POST", "/teach/takes?action=wave"),
    ("DELETE", "/teach/takes/0123"),
    ("POST", "/teach/train?name=wave"),
    ("DELETE", "/teach/train"),
]
READS = [("GET", f"/teach/{path}") for path in ("state", "events", "takes/0123", "takes/0123/thumbnail")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The service's working folder."""
    return scripted_folder(tmp_path / "here")


@pytest.fixture
def server(start_server: Callable[..., Server], folder: Path) -> Server:
    """A service that teaches."""
    return start_server(folder=folder, **settings_in(folder), max_upload_bytes=1_000_000, teach_max_bytes=200_000)


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """Talks to it."""
    with httpx.Client(base_url=server.address, timeout=20) as client:
        yield client


def add_take(client: httpx.Client, action: str, video: bytes, **more: Any) -> httpx.Response:
    return client.post("/teach/takes", params={"action": action}, files={"video": ("clip.mp4", video)}, **more)


def teach_two(client: httpx.Client, video: bytes, **more: Any) -> None:
    for place, action in enumerate(("wave", "clap & bow")):
        assert client.post("/teach/actions", params={"name": action}, **more).status_code == 201
        for copy in copies_of(video, 3, first=3 * place):
            assert add_take(client, action, copy, **more).status_code == 201


def state(client: httpx.Client, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/teach/state", **more).json()
    return answer


def job_when(client: httpx.Client, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    def wanted() -> dict[str, Any] | None:
        job: dict[str, Any] = state(client)["job"]
        return job if condition(job) else None

    return until(wanted, seconds=20)


def test_takes_come_and_go(client: httpx.Client, videos: dict[str, bytes], folder: Path) -> None:
    assert state(client)["actions"] == []
    assert client.post("/teach/actions", params={"name": "wave"}).json() == {"name": "wave", "takes": []}
    take = add_take(client, "wave", videos["mp4"]).json()
    raw = client.post("/teach/takes", params={"action": "wave"}, content=videos["avi"]).json()
    now = state(client)
    assert now["actions"] == [{"name": "wave", "takes": [take, raw]}]
    assert take["num_bytes"] == len(videos["mp4"])
    assert now["num_bytes"] > len(videos["mp4"]) + len(videos["avi"])
    clip = client.get(f"/teach/takes/{take['id']}")
    assert (clip.content, clip.headers["content-type"]) == (videos["mp4"], "video/mp4")
    assert client.get(f"/teach/takes/{take['id']}/thumbnail").content.startswith(b"\xff\xd8")
    assert client.delete(f"/teach/takes/{take['id']}").status_code == 204
    assert client.get(f"/teach/takes/{take['id']}").status_code == 404
    assert client.delete("/teach/actions", params={"name": "wave"}).status_code == 204
    assert [path for path in (folder / "taught").rglob("*") if path.is_file()] == []


def test_a_bad_take_is_refused_at_once(
    client: httpx.Client, videos: dict[str, bytes], not_videos: dict[str, bytes], folder: Path
) -> None:
    client.post("/teach/actions", params={"name": "wave"})
    assert problem(add_take(client, "wave", not_videos["text"])) == (415, "not-a-video")
    assert problem(add_take(client, "wave", b"")) == (422, "empty-upload")
    assert problem(add_take(client, "wave", bytes(1_000_001))) == (413, "upload-too-large")
    assert problem(add_take(client, "clap", videos["mp4"])) == (404, "not-taught")
    assert add_take(client, "wave", videos["mov"]).status_code == 201
    assert problem(add_take(client, "wave", videos["mov"])) == (409, "teaching-conflict")
    client.delete(f"/teach/takes/{state(client)['actions'][0]['takes'][0]['id']}")
    assert problem(client.post("/teach/actions", params={"name": "../wave"})) == (422, "bad-name")
    assert problem(client.post("/teach/actions", params={"name": "wave"})) == (409, "teaching-conflict")
    assert problem(client.delete("/teach/actions", params={"name": "../wave"})) == (404, "not-taught")
    for path in ("/teach/takes/..%2f..%2fjob.json", "/teach/takes/0123/thumbnail", "/teach/reports/none"):
        assert client.get(path).status_code == 404
    assert [path for path in (folder / "taught").rglob("*") if path.is_file()] == []


def test_a_full_folder_says_so(client: httpx.Client, videos: dict[str, bytes], folder: Path) -> None:
    client.post("/teach/actions", params={"name": "wave"})
    (folder / "taught" / "takes" / "wave" / "own.mp4").write_bytes(bytes(199_000))
    assert problem(add_take(client, "wave", videos["mp4"])) == (507, "folder-full")


def test_a_training_streams_and_its_model_answers(
    client: httpx.Client, server: Server, videos: dict[str, bytes], folder: Path
) -> None:
    teach_two(client, videos["mp4"])
    started = client.post("/teach/train", params={"name": MODEL})
    assert started.status_code == 202
    assert problem(client.post("/teach/train", params={"name": MODEL})) == (409, "teaching-conflict")
    rows = []
    with client.stream("GET", "/teach/events") as stream:
        assert stream.headers["content-type"] == "application/x-ndjson"
        for line in stream.iter_lines():
            rows.append(json.loads(line))
            if rows[-1].get("progress"):
                (folder / "finish").touch()
    last = rows[-1]
    assert last["id"] == started.json()["id"]
    assert (last["status"], last["serving"], last["has_report"]) == ("done", "ready", True)
    assert last["published"] == {"model": MODEL, "version": "1", "accuracy": 0.875, "seconds": 12.5}
    assert any(row.get("validations") for row in rows)
    answer = client.post("/predict", params={"model": MODEL}, content=videos["mp4"]).json()
    assert answer["predictions"][0]["label"] == "Showing blue"
    report = client.get(f"/teach/reports/{last['id']}")
    assert "The report" in report.text
    assert report.headers["content-security-policy"] == REPORT_POLICY
    assert report.headers["x-content-type-options"] == "nosniff"
    assert metric(server.address, "tin_trainings_total", status="done") == 1
    assert state(client)["job"] == last


def test_a_cancelled_training_leaves_no_model(client: httpx.Client, videos: dict[str, bytes]) -> None:
    assert problem(client.delete("/teach/train")) == (409, "teaching-conflict")
    assert problem(client.post("/teach/train", params={"name": MODEL})) == (409, "teaching-conflict")
    teach_two(client, videos["mp4"])
    client.post("/teach/train", params={"name": MODEL})
    job_when(client, lambda job: "progress" in job)
    assert client.delete("/teach/train").json()["status"] == "cancelled"
    assert {model["name"] for model in client.get("/models").json()["models"]} == {"colours"}


def test_a_service_that_is_killed_or_stopped_lost_its_training(
    start_server: Callable[..., Server], folder: Path, videos: dict[str, bytes]
) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):
        server = start_server(folder=folder, **settings_in(folder))
        with httpx.Client(base_url=server.address, timeout=20) as client:
            if not state(client)["actions"]:
                teach_two(client, videos["mp4"])
            client.post("/teach/train", params={"name": MODEL}).raise_for_status()
            job_when(client, lambda job: "progress" in job)
            with client.stream("GET", "/teach/events") as stream:  # an open stream does not hold the end up
                next(stream.iter_lines())
                server.process.send_signal(number)
                server.process.wait(timeout=15)
    server = start_server(folder=folder, **settings_in(folder))
    job = httpx.get(f"{server.address}/teach/state").json()["job"]
    assert job["status"] == "failed"
    assert "stopped" in job["error"]


def test_it_is_not_there_unless_it_is_on(base_url: str) -> None:
    for method, path in (
        ("GET", "/teach"),
        ("GET", "/teach/state"),
        ("POST", "/teach/train"),
        ("GET", "/teach/events"),
    ):
        assert problem(httpx.request(method, f"{base_url}{path}")) == (404, "not-found")
    assert "/teach" not in httpx.get(base_url).text


def test_the_other_pages_link_to_it(client: httpx.Client) -> None:
    for path in ("/", "/live", "/docs", "/store", "/teach"):
        page = client.get(path)
        assert '<a href="/teach"' in page.text
        assert page.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
        assert client.head(path).status_code == 200
    assert not any(path.startswith("/teach") for path in client.get("/openapi.json").json()["paths"])


def test_another_page_can_change_nothing(client: httpx.Client) -> None:
    for method, path in CHANGES:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
            assert problem(client.request(method, path, headers=headers)) == (403, "cross-origin")


def test_everything_but_the_page_needs_the_key(
    start_server: Callable[..., Server], folder: Path, videos: dict[str, bytes]
) -> None:
    server = start_server(folder=folder, **settings_in(folder), api_keys=KEY)
    with httpx.Client(base_url=server.address, timeout=20) as client:
        for method, path in CHANGES + READS:
            assert problem(client.request(method, path)) == (401, "unauthorised")
        assert client.get("/teach").status_code == 200
        keyed: dict[str, Any] = {"headers": {"X-API-Key": KEY}}
        teach_two(client, videos["mp4"], **keyed)
        (folder / "finish").touch()
        assert client.post("/teach/train", params={"name": MODEL}, **keyed).status_code == 202
        with client.stream("GET", "/teach/events", **keyed) as stream:
            last = json.loads(list(stream.iter_lines())[-1])
        assert client.get(f"/teach/reports/{last['id']}").status_code == 200


def test_a_service_that_cannot_train_keeps_takes_and_says_why(
    start_server: Callable[..., Server], folder: Path, videos: dict[str, bytes]
) -> None:
    server = start_server(folder=folder, **settings_in(folder))
    (folder / "store").rename(folder / "gone")
    with httpx.Client(base_url=server.address, timeout=20) as client:
        teach_two(client, videos["mp4"])
        assert "cannot be written to" in state(client)["not_trainable"]
        assert problem(client.post("/teach/train", params={"name": MODEL})) == (503, "training-unavailable")

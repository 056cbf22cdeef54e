"""Every failure is a problem, and the service goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import httpx
import pytest
from fastapi import HTTPException
from httpx import ASGITransport
from starlette.requests import Request

from clips.decoding.errors import ClipError, NotAVideo
from service.api.app import create_app
from service.api.http import problems
from service.api.http.problems import PROBLEMS, problem_response, problem_type_of
from service.backends.base import InferenceFailed
from service.config.settings import Settings


@pytest.fixture(autouse=True)
def _service_goes_on(client: httpx.Client, videos: dict[str, bytes]) -> Iterator[None]:
    yield
    assert client.post("/predict", content=videos["mp4"]).status_code == 200


def _check(response: httpx.Response, status: int, slug: str) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"], problem["type"]) == (status, status, f"/problems/{slug}")
    assert problem["title"]
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "\n" not in problem["detail"]
    assert "Traceback" not in response.text
    return str(problem["detail"])


@pytest.mark.parametrize(
    ("kind", "status", "slug"),
    [
        ("text", 415, "not-a-video"),
        ("png", 415, "not-a-video"),
        ("wav", 415, "not-a-video"),
        ("m4a", 415, "not-a-video"),
        ("song", 415, "not-a-video"),
        ("photo", 415, "not-a-video"),
        ("encrypted", 422, "encrypted"),
        ("truncated", 422, "undecodable"),
    ],
)
@pytest.mark.parametrize("form", [True, False])
def test_what_is_no_good_video(
    client: httpx.Client, not_videos: dict[str, bytes], kind: str, status: int, slug: str, *, form: bool
) -> None:
    body = not_videos[kind]
    response = client.post("/predict", **({"files": {"video": body}} if form else {"content": body}))
    _check(response, status, slug)


def test_empty_body_and_empty_file(client: httpx.Client) -> None:
    assert "0 bytes" in _check(client.post("/predict"), 422, "empty-upload")
    _check(client.post("/predict", files={"video": b""}), 422, "empty-upload")


def test_form_without_the_field_says_how_to_send_it(client: httpx.Client, videos: dict[str, bytes]) -> None:
    assert "-F video=@clip.mp4" in _check(client.post("/predict", files={"clip": videos["mp4"]}), 422, "missing-video")
    text = client.post("/predict", files={"video": (None, "clip.mp4")})
    assert "text, not a file" in _check(text, 422, "missing-video")


def test_malformed_form(client: httpx.Client) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    _check(client.post("/predict", content=b"no boundary", headers=headers), 400, "bad-request")
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    _check(client.post("/predict", content=b"not a part", headers=headers), 400, "bad-request")


@pytest.mark.parametrize("charset", ["undefined", "punycode", "idna"])
def test_a_form_in_a_charset_whose_codec_fails_or_never_ends(client: httpx.Client, charset: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="t"\r\n\r\n-a-b-\xff\r\n--x--\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
    assert "UTF-8" in _check(client.post("/predict", content=body, headers=headers), 400, "bad-request")


def test_a_form_that_says_that_it_is_utf_8(client: httpx.Client, videos: dict[str, bytes]) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n' + videos["mp4"] + b"\r\n--x--\r\n"
    )
    headers = {"Content-Type": 'multipart/form-data; boundary=x; charset="UTF-8"'}
    assert client.post("/predict", content=body, headers=headers).status_code == 200


def test_a_query_that_takes_long_to_look_at(client: httpx.Client) -> None:
    query = "&".join(f"k{number}" for number in range(1_000))
    assert "4,096 bytes" in _check(client.post(f"/predict?{query}"), 400, "bad-request")


def test_frames_of_too_many_pixels(client: httpx.Client, videos: dict[str, bytes]) -> None:
    assert "1280x720" in _check(client.post("/predict", content=videos["large.mp4"]), 422, "bounds-exceeded")


@pytest.mark.parametrize("top_k", ["0", "-1", "x", "ALL", "1.5", ""])
def test_top_k_out_of_range(client: httpx.Client, videos: dict[str, bytes], top_k: str) -> None:
    detail = _check(client.post("/predict", content=videos["mp4"], params={"top_k": top_k}), 422, "bad-parameter")
    assert "top_k" in detail


def test_parameter_that_does_not_exist(client: httpx.Client, videos: dict[str, bytes]) -> None:
    detail = _check(client.post("/predict", content=videos["mp4"], params={"topk": "3"}), 422, "bad-parameter")
    assert "topk" in detail


def test_unknown_model_and_version(client: httpx.Client, videos: dict[str, bytes]) -> None:
    def ask(**params: str) -> httpx.Response:
        return client.post("/predict", content=videos["mp4"], params=params)

    assert "'../etc'" in _check(ask(model="../etc"), 404, "unknown-model")
    assert "1, 2" in _check(ask(model="colours", version="9"), 404, "unknown-model")
    assert "not the file" in _check(ask(model="broken", version="1"), 503, "model-unavailable")
    _check(ask(model="broken"), 503, "not-ready")


def test_routing_failures(client: httpx.Client) -> None:
    _check(client.get("/nothing/here"), 404, "not-found")
    _check(client.get("/web/nothing.js"), 404, "not-found")
    _check(client.get("/web/..%2fapp.py"), 404, "not-found")
    response = client.get("/predict")
    assert _check(response, 405, "method-not-allowed") == "this address takes POST"
    assert response.headers["allow"] == "POST"
    assert _check(client.delete("/web/predict/app.js"), 405, "method-not-allowed").endswith("GET, HEAD")


def test_every_problem_type_explains_itself(client: httpx.Client) -> None:
    for kind in PROBLEMS.values():
        meaning = client.get(f"/problems/{kind.slug}").json()
        assert meaning == {"type": f"/problems/{kind.slug}", "title": kind.title, "status": kind.status}
    _check(client.get("/problems/none"), 404, "not-found")


def test_request_id_of_the_client_is_kept_when_it_is_harmless(client: httpx.Client) -> None:
    assert client.get("/", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert client.get("/", headers={"X-Request-ID": "a b"}).headers["x-request-id"] != "a b"


def test_subclasses_count_as_their_base() -> None:
    class StrangeVideo(NotAVideo):
        pass

    assert problem_type_of(StrangeVideo()).slug == "not-a-video"
    assert problem_type_of(ClipError()).status == 500
    assert problem_type_of(HTTPException(418)).slug == "http-418"


def test_backend_failure_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    request = Request({"type": "http", "path": "/predict", "headers": [], "query_string": b"", "state": {}})
    with caplog.at_level(logging.ERROR, logger=problems.logger.name):
        response = asyncio.run(problem_response(request, InferenceFailed("secret place")))
    assert response.status_code == 503
    assert b"secret" not in response.body
    assert "secret place" in caplog.text


def test_failure_that_nobody_foresaw(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings())

    @app.get("/fail")
    async def fail() -> None:
        raise ZeroDivisionError("secret number")

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
            return await client.get("/fail")

    response = asyncio.run(get())
    _check(response, 500, "internal-error")
    assert "secret" not in response.text
    assert "secret number" in caplog.text
    assert response.headers["x-content-type-options"] == "nosniff"


def test_openapi_declares_the_problems_of_predict(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/predict"]["post"]
    assert operation["operationId"] == "predict"
    assert set(operation["requestBody"]["content"]) >= {"multipart/form-data", "application/octet-stream"}
    for status in ("400", "401", "404", "408", "413", "415", "422", "429", "500", "503", "504"):
        schema = operation["responses"][status]["content"]["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}
    assert "detail" in document["components"]["schemas"]["Problem"]["properties"]

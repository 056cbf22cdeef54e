"""The JavaScript client, in a real browser, for this service's pages and for those of another origin."""

from __future__ import annotations

import base64
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.helpers.paths import REPOSITORY
from tests.helpers.servers.http_server import running

KEY = "open sesame"

CALL = """async ([address, options, call, bytes, query, after]) => {
  const { Client } = await import(`${address}/client.js`);
  const client = new Client(options.url, options);
  const video = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  if (after !== null) {
    const control = new AbortController();
    query.signal = control.signal;
    setTimeout(() => control.abort(), after);
  }
  try {
    if (call === "predict") return await client.predict(video, query);
    const rows = [];
    for await (const row of client.timeline(video, query)) rows.push(row);
    return rows;
  } catch (error) {
    return { ...error, name: error.name, message: error.message };
  }
}"""


def call(page: Page, address: str, name: str, video: bytes, **given: Any) -> Any:
    """Return what the client answers or throws; `after` aborts the call after so many milliseconds."""
    options, after = given.pop("options", {}), given.pop("after", None)
    return page.evaluate(CALL, [address, options, name, base64.b64encode(video).decode(), given, after])


@pytest.fixture(scope="module")
def base_url(start_service: Callable[..., str], store: Path) -> str:
    return start_service(model_store=store, api_keys=KEY)


class EmptyPage(BaseHTTPRequestHandler):
    """A page of somebody else, without our security policy."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_predict_gives_the_answer(page: Page, base_url: str, videos: dict[str, bytes], complaints: list[str]) -> None:
    answer = call(page, base_url, "predict", videos["mp4"], options={"key": KEY}, top_k="all", version=None)
    assert len(answer["predictions"]) == 6
    assert answer["predictions"][0]["label"] == "Showing blue"
    assert complaints == []


def test_timeline_gives_the_rows(page: Page, base_url: str, long_clip: bytes) -> None:
    rows = call(page, base_url, "timeline", long_clip, options={"key": KEY}, window_seconds=5)
    assert [row["kind"] for row in rows] == ["clip", "window", "window", "window", "segments"]
    assert rows[0]["num_windows"] == 3


def test_a_page_of_another_origin_may_use_it(
    context: BrowserContext,
    start_service: Callable[..., str],
    store: Path,
    videos: dict[str, bytes],
    not_videos: dict[str, bytes],
) -> None:
    page = context.new_page()
    with running(EmptyPage) as origin:
        address = start_service(model_store=store, cors_origins=origin)
        page.goto(origin)
        assert call(page, address, "predict", videos["mp4"])["predictions"][0]["label"] == "Showing blue"
        refused = call(page, address, "timeline", not_videos["text"])
    assert (refused["status"], refused["title"]) == (415, "Not a video")


@pytest.mark.parametrize("name", ["predict", "timeline"])
def test_problems_are_thrown_with_their_fields(page: Page, base_url: str, name: str) -> None:
    refused = call(page, base_url, name, b"no video", options={"key": KEY})
    assert refused.pop("requestId")
    assert refused.pop("message") == f"Not a video: {refused.pop('detail')}"
    assert refused == {
        "name": "ServiceProblem", "type": "/problems/not-a-video", "title": "Not a video", "status": 415,
        "retryAfter": refused["retryAfter"],
    }  # fmt: skip
    assert refused["retryAfter"] != refused["retryAfter"]
    assert call(page, base_url, name, b"")["status"] == 401


def test_the_example_of_the_documentation_runs(
    context: BrowserContext, start_service: Callable[..., str], store: Path, long_clip: bytes
) -> None:
    code = (REPOSITORY / "docs" / "serving.md").read_text().split("```js\n")[1].split("```")[0]
    printed: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: printed.append(message.text))
    with running(EmptyPage) as origin:
        address = start_service(model_store=store, cors_origins=origin, api_keys="my-key")
        page.goto(origin)
        lines = code.replace("http://localhost:8000", address).splitlines()
        imported, rest = lines[0], "\n".join(lines[1:])
        names, source = imported.removeprefix("import ").removesuffix(";").split(" from ")
        clip = base64.b64encode(long_clip).decode()
        file = "new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], 'clip.mp4')"
        page.evaluate(
            f"async (bytes) => {{ const {names} = await import({source}); const file = {file}; {rest} }}", clip
        )
    assert printed[0] in {"Showing red", "Showing blue", "Showing pink"}
    assert printed[1] == "0 Showing red"
    assert any(line.startswith("415 Not a video") for line in printed)


def answering(page: Page, *answers: dict[str, Any]) -> list[str]:
    """Answer one POST after the other, the last for good; returns the bodies that came."""
    left, bodies = list(answers), list[str]()

    def answer(route: Route) -> None:
        bodies.append(route.request.post_data or "")
        route.fulfill(**(left.pop(0) if len(left) > 1 else left[0]))

    page.route("**/predict", answer)
    page.route("**/timeline", answer)
    return bodies


def busy(seconds: str | None) -> dict[str, Any]:
    headers = {} if seconds is None else {"Retry-After": seconds}
    return {"status": 503, "headers": headers, "json": {"title": "Too much to do", "status": 503, "detail": "wait"}}


GONE = {"kind": "problem", "title": "About to stop", "status": 503, "detail": "it is"}


def test_a_busy_service_is_asked_again(page: Page, base_url: str) -> None:
    bodies = answering(page, busy("0"), busy("0"), {"json": {"predictions": []}})
    assert call(page, base_url, "predict", b"video") == {"predictions": []}
    assert bodies == ["video"] * 3


@pytest.mark.parametrize("seconds", ["1000", None, "Mon, 30 Nov 2026 12:00:00 GMT"])
def test_a_service_that_is_busy_for_long_is_not(page: Page, base_url: str, seconds: str | None) -> None:
    bodies = answering(page, busy(seconds))
    problem = call(page, base_url, "timeline", b"video")
    assert (problem["title"], problem["detail"], len(bodies)) == ("Too much to do", "wait", 1)


def test_other_failures_are_not_tried_again(page: Page, base_url: str) -> None:
    bodies = answering(page, {"status": 502, "headers": {"Retry-After": "0"}, "body": "<html>"})
    assert call(page, base_url, "predict", b"video")["title"] == "Bad Gateway"
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("body", "message"), [("", "broke off"), ('{"kind": "clip"}\n', "broke off"), (str(GONE).replace("'", '"'), "stop")]
)
def test_a_timeline_that_ends_early_throws(page: Page, base_url: str, body: str, message: str) -> None:
    answering(page, {"body": body})
    assert message in call(page, base_url, "timeline", b"video")["message"]


@pytest.mark.parametrize("answer", [busy("20"), None])
def test_a_signal_ends_a_call_and_its_wait(page: Page, base_url: str, answer: dict[str, Any] | None) -> None:
    if answer:
        answering(page, answer)
    else:
        page.route("**/predict", lambda route: None)
    assert call(page, base_url, "predict", b"video", after=50)["name"] == "AbortError"


def test_nobody_there_is_the_error_of_fetch(page: Page, base_url: str) -> None:
    page.route("**/predict", lambda route: route.abort())
    assert call(page, base_url, "predict", b"video")["name"] == "TypeError"

"""The page of the API, in a real browser: what it shows, and the form to try an operation."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.helpers.browser import PHONE_WIDTH, width_needed
from tests.helpers.paths import REPOSITORY

FOLDER = REPOSITORY / "service" / "web" / "docs" / "swagger-ui"


@pytest.fixture
def page(page: Page, base_url: str) -> Page:
    page.goto(f"{base_url}/docs")
    page.wait_for_selector(".operation")
    return page


def operation(page: Page, path: str) -> Locator:
    return page.locator(".operation").filter(has=page.locator("summary code", has_text=re.compile(rf"{path}$")))


def test_documentation_is_written_out(page: Page, complaints: list[str]) -> None:
    text = page.locator("main").inner_text()
    assert "/predict" in text
    assert "WindowRow" in text
    assert "integer or all" in text
    assert "The upload is too large" in text
    assert "X-API-Key" in text
    assert width_needed(page) == PHONE_WIDTH
    assert complaints == []


def test_samples_are_shown(page: Page) -> None:
    shown = operation(page, "/predict").locator(".samples")
    shown.first.locator("summary").click()
    assert json.loads(shown.first.locator("code").inner_text())["predictions"][0]["rank"] == 1
    rows = operation(page, "/timeline").locator(".samples")
    rows.first.locator("summary").click()
    lines = rows.first.locator("code").inner_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["clip", "window", "segments"]


@pytest.mark.parametrize(("path", "method"), [("/predict", "predict"), ("/timeline", "timeline")])
def test_calls_are_shown_in_each_language(page: Page, path: str, method: str, base_url: str) -> None:
    found = operation(page, path)
    for language, part in {"curl": f"{base_url}{path}", "Python": "import tin", "JavaScript": "/client.js"}.items():
        found.get_by_role("tab", name=language).click()
        expect(found.locator("[role=tabpanel]:visible")).to_contain_text(part)
        expect(found.locator("[role=tabpanel]:visible")).to_contain_text(method)


def test_an_operation_is_tried_with_a_file(
    page: Page, base_url: str, videos: dict[str, bytes], complaints: list[str]
) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    tried = operation(page, "/predict")
    tried.get_by_role("button", name="Try it").click()
    clip = {"name": "clip.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]}
    tried.locator("input[type=file]").set_input_files(clip)  # type: ignore[arg-type]
    tried.get_by_role("button", name="Execute").click()
    tried.locator(".live-responses-table").filter(has_text="Showing blue").wait_for()
    assert hosts == {urlsplit(base_url).netloc}
    assert width_needed(page) == PHONE_WIDTH
    assert complaints == []


def test_the_key_of_the_page_is_sent(page: Page) -> None:
    page.evaluate("sessionStorage.setItem('key', 'sesame')")
    tried = operation(page, "/models")
    tried.locator("> summary").click()
    tried.get_by_role("button", name="Try it").click()
    with page.expect_request("**/models") as sent:
        tried.get_by_role("button", name="Execute").click()
    assert sent.value.headers["x-api-key"] == "sesame"


def test_swagger_ui_that_does_not_come_can_be_asked_for_again(page: Page) -> None:
    page.route("**/swagger-ui-bundle.js", lambda route: route.abort(), times=1)
    tried = operation(page, "/predict")
    tried.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("status")).to_contain_text("No answer came back")
    tried.get_by_role("button", name="Try it").click()
    tried.get_by_role("button", name="Execute").wait_for()


def test_swagger_ui_is_that_of_the_makefile_with_its_licences() -> None:
    version = re.search(r"^SWAGGER_UI = ([\d.]+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert version
    assert f'"{version[1]}"' in (FOLDER / "swagger-ui-bundle.js").read_text()
    assert {file.name for file in FOLDER.iterdir()} == {
        "LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css",
    }  # fmt: skip

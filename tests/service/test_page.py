"""The page, in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REQUIRED = os.environ.get("TIN_REQUIRE_BROWSER") == "1"

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists() and not REQUIRED, reason=f"there is no Chromium at {CHROMIUM}; TIN_REQUIRE_BROWSER=1 insists"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """Errors that the browser found on the page."""
    return []


@pytest.fixture
def page(browser: Browser, base_url: str, complaints: list[str]) -> Iterator[Page]:
    """The page on a phone 360 pixels wide."""

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(base_url)
    yield page
    page.close()


def _width_needed(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_clip_gives_five_bars_and_eight_frames(page: Page, complaints: list[str], videos: dict[str, bytes]) -> None:
    chooser = page.get_by_label("Choose a clip")
    chooser.set_input_files({"name": "it's a clip.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]})
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#answer").inner_text() == "Showing blue"
    assert page.locator("#bars li").count() == 5
    assert page.locator("#frames img").count() == 8
    assert page.locator("#frames img").evaluate_all("images => images.every(image => image.naturalWidth === 64)")
    assert "0.08 s" in page.locator("#frames li").first.inner_text()
    assert "It looks like: Showing blue" in page.get_by_role("status").inner_text()
    assert r"video=@'it'\''s a clip.mp4'" in page.locator("#curl").inner_text()
    assert "colours" in page.locator("#model").inner_text()
    assert _width_needed(page) == 360
    assert complaints == []


def test_text_is_refused_in_words_and_the_next_clip_is_taken(
    page: Page, complaints: list[str], videos: dict[str, bytes], not_videos: dict[str, bytes]
) -> None:
    chooser = page.locator("#file")
    chooser.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": not_videos["text"]})
    page.wait_for_selector("#problem:not([hidden])")
    assert "Not a video" in page.get_by_role("alert").inner_text()
    assert page.locator("#result").is_hidden()
    assert _width_needed(page) == 360
    # Chromium itself notes each answer that is an error.
    assert [complaint for complaint in complaints if "status of 415" not in complaint] == []
    chooser.set_input_files({"name": "clip.avi", "mimeType": "video/avi", "buffer": videos["avi"]})
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#problem").is_hidden()


def test_documentation_is_written_out(page: Page, base_url: str, complaints: list[str]) -> None:
    page.goto(f"{base_url}/docs")
    page.wait_for_selector(".operation")
    text = page.locator("main").inner_text()
    assert "/predict" in text
    assert "WindowRow" in text
    assert "The upload is too large" in text
    assert _width_needed(page) == 360
    assert complaints == []


INJECTIONS = {
    "inline script": "const it = document.createElement('script'); it.textContent = 'window.ran = 1';",
    "handler": "const it = new Image(); it.setAttribute('onerror', 'window.ran = 1'); it.src = '/web/none.png';",
    "script from elsewhere": "const it = document.createElement('script'); it.src = 'data:text/javascript,ran=1';",
    "frame": "const it = document.createElement('iframe'); it.src = '/';",
    "style": "const it = document.createElement('style'); it.textContent = 'body { display: none }';",
}


@pytest.mark.parametrize("injection", INJECTIONS.values(), ids=list(INJECTIONS))
def test_what_somebody_slips_into_the_page_is_not_run(page: Page, complaints: list[str], injection: str) -> None:
    page.evaluate(f"() => {{ {injection} document.body.append(it); }}")
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None
    assert page.locator("h1").is_visible()
    assert any("Content Security Policy" in complaint for complaint in complaints), complaints


def test_no_other_page_can_frame_it(browser: Browser, base_url: str) -> None:
    page = browser.new_page()
    page.set_content(f"<iframe src='{base_url}'></iframe>")
    page.wait_for_timeout(300)
    assert page.frames[1].url != f"{base_url}/"
    page.close()

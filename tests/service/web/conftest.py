"""Fixtures: a real browser with the page open, on a phone's screen."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.helpers.browser import PHONE_WIDTH

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--host-resolver-rules=MAP insecure.test 127.0.0.1",
]
REQUIRED = os.environ.get("TIN_REQUIRE_BROWSER") == "1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium with a made camera."""
    if not CHROMIUM.exists() and not REQUIRED:
        pytest.skip(f"there is no Chromium at {CHROMIUM}; TIN_REQUIRE_BROWSER=1 insists")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """Errors that the browser found on the page."""
    return []


@pytest.fixture
def context(browser: Browser, complaints: list[str]) -> Iterator[BrowserContext]:
    """A phone PHONE_WIDTH pixels wide whose owner has allowed nothing yet."""

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    context = browser.new_context(viewport={"width": PHONE_WIDTH, "height": 740})
    context.on("console", listen)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, base_url: str) -> Page:
    """The page on that phone."""
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(base_url)
    return page


@pytest.fixture
def choose(page: Page) -> Callable[[bytes], None]:
    """Chooses a clip and waits until its answer is shown."""

    def choose(video: bytes) -> None:
        page.locator("#file").set_input_files({"name": "clip.mp4", "mimeType": "video/mp4", "buffer": video})
        page.wait_for_selector("#result:not([hidden])")

    return choose


@pytest.fixture(scope="session")
def long_clip() -> bytes:
    """Ten seconds at 10 frames per second: the first half red, the second blue."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream: Any = output.add_stream("libx264", rate=10, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(100):
            colour = (220, 10, 20) if index < 50 else (10, 20, 220)
            output.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), colour, np.uint8), format="rgb24"))
            )
        output.mux(stream.encode(None))
    return file.getvalue()

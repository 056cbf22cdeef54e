"""Fixtures: a browser whose camera shows a film, and the page /live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.helpers.videos.fake_camera import write_y4m
from tests.service.web.conftest import ARGUMENTS, CHROMIUM, REQUIRED

RED, BLUE = (220, 10, 20), (10, 20, 220)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of red and five of blue, again and again."""
    colours = [RED] * 125 + [BLUE] * 125
    frames = (np.full((120, 160, 3), colour, np.uint8) for colour in colours)
    return write_y4m(tmp_path_factory.mktemp("camera") / "film.y4m", frames)


@pytest.fixture(scope="module")
def browser(film: Path) -> Iterator[Browser]:
    """Chromium with a camera that shows `film`."""
    if not CHROMIUM.exists() and not REQUIRED:
        pytest.skip(f"there is no Chromium at {CHROMIUM}; TIN_REQUIRE_BROWSER=1 insists")
    with sync_playwright() as playwright:
        arguments = [*ARGUMENTS, f"--use-file-for-fake-video-capture={film}"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_live(context: BrowserContext) -> Callable[[str], Page]:
    """Opens /live of an address on a phone whose owner allows the camera, and waits for what the model can name."""
    context.grant_permissions(["camera"])

    def open_live(address: str) -> Page:
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(address)
        page.wait_for_selector("#known:not([hidden])")
        return page

    return open_live


@pytest.fixture
def page(open_live: Callable[[str], Page], base_url: str) -> Page:
    """The page /live of the service at `base_url`."""
    return open_live(f"{base_url}/live")


def start_camera(page: Page) -> None:
    """Press the button that starts it."""
    page.get_by_role("button", name="Start the camera").click()

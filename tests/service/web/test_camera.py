"""The camera dialog, with Chromium's fake camera, which is green."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.helpers.waiting import until
from tests.service.web.conftest import ARGUMENTS, CHROMIUM

COUNTDOWN_MS = 3000
KEEP_CAMERAS = """
    window.cameras = [];
    const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
    if (open) navigator.mediaDevices.getUserMedia = async (wish) => {
        const camera = await open(wish);
        window.cameras.push(camera);
        return camera;
    };
"""

LIVE_TRACKS = """() => cameras.flatMap((camera) => camera.getTracks())
    .filter((track) => track.readyState === "live").map((track) => track.kind)"""


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    context.add_init_script(KEEP_CAMERAS)
    return context


def _live_tracks(page: Page) -> list[str]:
    kinds: list[str] = page.evaluate(LIVE_TRACKS)
    return kinds


def test_a_recording_is_answered_and_the_camera_is_off(
    page: Page, context: BrowserContext, complaints: list[str]
) -> None:
    context.grant_permissions(["camera"])
    page.get_by_role("button", name="Record one").click()
    page.get_by_role("button", name="Start").click()
    assert _live_tracks(page) == ["video"]
    stop = page.get_by_role("button", name="Stop")
    stop.wait_for()
    page.wait_for_timeout(1000)  # a busy machine takes a while to record the first frame
    stop.click()
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#answer").inner_text() == "Showing green"
    assert page.locator("#frames img").count() == 8
    assert "matroska" in page.locator("#clip").inner_text()
    assert page.locator("#camera").is_hidden()
    assert _live_tracks(page) == []
    assert complaints == []


def test_it_stops_by_itself(page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["camera"])
    page.clock.install()
    page.get_by_role("button", name="Record one").click()
    page.get_by_role("button", name="Start").click()
    page.clock.run_for(COUNTDOWN_MS)
    page.wait_for_selector("#result:not([hidden])")
    assert _live_tracks(page) == []


@pytest.mark.parametrize("way_out", ["button", "Escape"])
def test_cancelling_turns_the_camera_off_and_gives_the_keyboard_back(
    page: Page, context: BrowserContext, way_out: str
) -> None:
    context.grant_permissions(["camera"])
    page.get_by_role("button", name="Record one").click()
    page.get_by_role("button", name="Start").click()
    if way_out == "button":
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    else:
        page.keyboard.press("Escape")
    expect(page.locator("#record")).to_be_focused()
    assert page.locator("#camera").is_hidden()
    # After Escape the browser first gives the keyboard back, and then tells the page.
    page.wait_for_function(f"!({LIVE_TRACKS})().length")


def test_a_refusal_is_taken_kindly(page: Page) -> None:
    page.get_by_role("button", name="Record one").click()
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "The camera is not allowed" in alert.inner_text()
    assert "choose a clip" in alert.inner_text()


def test_where_browsers_give_no_camera_it_says_so(page: Page, base_url: str) -> None:
    page.goto(base_url.replace("127.0.0.1", "insecure.test"))
    assert not page.evaluate("isSecureContext")
    page.get_by_role("button", name="Record one").click()
    assert "only to pages that come over https" in page.get_by_role("alert").inner_text()


def test_the_other_camera_is_chosen(browser: Browser, base_url: str) -> None:
    two_cameras = [*ARGUMENTS, "--use-fake-device-for-media-stream=device-count=2"]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=two_cameras)
    context = other.new_context(permissions=["camera"])
    context.add_init_script(KEEP_CAMERAS)
    page = context.new_page()
    page.goto(base_url)
    page.get_by_role("button", name="Record one").click()
    page.get_by_role("button", name="Other camera").click()
    until(lambda: page.evaluate("cameras.length === 2"))
    labels = page.evaluate("cameras.map((camera) => camera.getTracks()[0].label)")
    assert len(set(labels)) == 2
    assert _live_tracks(page) == ["video"]
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator("#record")).to_be_focused()
    assert _live_tracks(page) == []
    other.close()


def test_one_camera_is_not_switched(page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["camera"])
    page.get_by_role("button", name="Record one").click()
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
    assert page.locator("#camera-switch").is_hidden()

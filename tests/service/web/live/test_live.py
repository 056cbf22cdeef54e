"""The page /live, with a camera that shows red and blue in turn."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from tests.helpers import stores
from tests.helpers.browser import PHONE_WIDTH, width_needed
from tests.helpers.waiting import until
from tests.service.web.conftest import ARGUMENTS, CHROMIUM
from tests.service.web.live.conftest import start_camera

KEY = "open-sesame"
PERIOD_MS = 15_000
"""More than the film takes from one red to the next."""

HIDE = """(isHidden) => {
    Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""

NO_CAMERA = """() => {
    navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotFoundError"); };
}"""

BARS = """async (isSmooth) => {
    const { Sight } = await import("/web/live/sight.js");
    const sight = new Sight();
    smooth.checked = isSmooth;
    const model = { labels: ["a", "b"], temperature: 1, clip: { crop: 1 }, timeline: { min_probability: 0 } };
    for (const [end, logits] of [[-400, [0, 30]], [0, [30, 0]], [200, [30, 0]], [400, [0, 30]]]) {
        sight.show([logits], { pictures: [], end }, model);
    }
    return [...document.querySelectorAll("#bars li")].map((bar) => bar.textContent);
}"""


class Inferences:
    """The requests of a page to /v2: how many began, and how many were under way at the same time."""

    def __init__(self, page: Page) -> None:
        self.begun = self.under_way = self.most_at_once = 0
        page.on("request", self._begin)
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)

    def _begin(self, request: Request) -> None:
        if request.url.endswith("/infer"):
            self.begun += 1
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)

    def _end(self, request: Request) -> None:
        self.under_way -= request.url.endswith("/infer")


def test_what_the_camera_shows_is_named(page: Page, complaints: list[str]) -> None:
    inferences = Inferences(page)
    start_camera(page)
    expect(page.locator("#answer")).to_have_text("Showing red", timeout=PERIOD_MS)
    expect(page.locator("#answer")).to_have_text("Showing blue", timeout=PERIOD_MS)
    assert page.locator("#bars li").count() == 5
    assert page.locator("#bars li").first.inner_text().startswith("Showing blue")
    assert page.locator("#frames canvas").count() == 8
    assert re.fullmatch(r"Seen \d\.\d s ago, \d+\.\d answers a second", page.locator("#age").inner_text())
    expect(page.locator("#ticker .now .label")).to_have_text("Showing blue")
    expect(page.locator("#ticker li:not(.now)").filter(has_text="Showing red")).not_to_have_count(0)
    assert width_needed(page) == PHONE_WIDTH
    assert inferences.begun > 3
    assert inferences.most_at_once == 1
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start the camera")).to_be_focused()
    assert page.locator("#ticker li").count() > 0, "what happened can still be read"
    assert complaints == []


def test_the_strip_has_the_frames_as_the_model_saw_them(page: Page) -> None:
    start_camera(page)
    expect(page.locator("#answer")).to_have_text("Showing blue", timeout=PERIOD_MS)
    corner = "canvas => [canvas.width, canvas.height, ...canvas.getContext('2d').getImageData(0, 0, 1, 1).data]"
    until(lambda: page.locator("#frames canvas").first.evaluate(corner)[4] > 200)
    width, height, red, green, blue, alpha = page.locator("#frames canvas").first.evaluate(corner)
    assert (width, height, alpha) == (32, 32, 255)
    assert max(abs(red - 10), abs(green - 20), abs(blue - 220)) <= 4, "the camera's colours are those of the decoder"


def test_nothing_is_sent_while_the_tab_is_hidden(page: Page, complaints: list[str]) -> None:
    inferences = Inferences(page)
    start_camera(page)
    expect(page.locator("#answer")).not_to_be_empty()
    page.evaluate(HIDE, True)
    assert page.evaluate("viewfinder.srcObject.getVideoTracks()[0].enabled") is False
    page.wait_for_timeout(300)
    begun = inferences.begun
    page.wait_for_timeout(3000)
    assert inferences.begun == begun
    page.evaluate(HIDE, False)
    page.wait_for_timeout(3000)
    assert inferences.begun > begun
    assert page.evaluate("viewfinder.srcObject.getVideoTracks()[0].enabled") is True
    assert inferences.most_at_once == 1
    assert complaints == []


def test_a_busy_service_is_asked_again_when_it_says(page: Page) -> None:
    asked: list[float] = []

    def refuse_twice(route: Route) -> None:
        asked.append(page.evaluate("performance.now()"))
        if len(asked) < 3:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"error": "all places are taken"})
        else:
            route.continue_()

    page.route("**/infer", refuse_twice)
    start_camera(page)
    expect(page.locator("#busy")).to_contain_text("Not now: All places are taken. Next try in 1 s.")
    expect(page.locator("#answer")).to_contain_text("Showing")
    expect(page.locator("#busy")).to_be_hidden()
    assert min(later - earlier for earlier, later in pairwise(asked[:3])) >= 1000


def test_a_service_without_advice_is_asked_more_and_more_seldom(page: Page) -> None:
    page.route("**/infer", lambda route: route.abort())
    start_camera(page)
    expect(page.locator("#busy")).to_contain_text("Next try in 1 s")
    expect(page.locator("#busy")).to_contain_text("Next try in 2 s")
    expect(page.locator("#busy")).to_contain_text("Next try in 4 s")


def test_other_failures_end_it(page: Page) -> None:
    page.route("**/infer", lambda route: route.fulfill(status=500, json={"error": "it broke"}))
    start_camera(page)
    expect(page.get_by_role("alert")).to_contain_text("It broke.")
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled()
    assert page.evaluate("viewfinder.srcObject") is None


def test_a_refusal_is_taken_kindly(context: BrowserContext, base_url: str) -> None:
    page = context.new_page()
    page.goto(f"{base_url}/live")
    start_camera(page)
    expect(page.get_by_role("alert")).to_contain_text("The camera is not allowed")
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled()


def test_where_browsers_give_no_camera_it_says_so(context: BrowserContext, base_url: str) -> None:
    page = context.new_page()
    page.goto(f"{base_url.replace('127.0.0.1', 'insecure.test')}/live")
    start_camera(page)
    expect(page.get_by_role("alert")).to_contain_text("only to pages that come over https")


def test_a_machine_without_a_camera_says_so(page: Page) -> None:
    page.evaluate(NO_CAMERA)
    start_camera(page)
    expect(page.get_by_role("alert")).to_contain_text("No camera was found")


def test_a_camera_that_is_unplugged_says_so(page: Page) -> None:
    start_camera(page)
    expect(page.locator("#answer")).not_to_be_empty()
    page.evaluate("viewfinder.srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.get_by_role("alert")).to_contain_text("The camera stopped")


def test_the_other_camera_is_chosen(browser: Browser, base_url: str) -> None:
    two_cameras = [*ARGUMENTS, "--use-fake-device-for-media-stream=device-count=2"]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=two_cameras)
    page = other.new_context(permissions=["camera"]).new_page()
    page.goto(f"{base_url}/live")
    start_camera(page)
    camera = "viewfinder.srcObject.getVideoTracks()[0].label"
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    first = page.evaluate(camera)
    page.get_by_role("button", name="Other camera").click()
    until(lambda: page.evaluate(f"viewfinder.srcObject.active && {camera} !== {first!r}"))
    expect(page.locator("#answer")).to_contain_text("Showing")
    other.close()


def test_a_key_is_asked_for(open_live: Callable[[str], Page], start_service: Callable[..., str], store: Path) -> None:
    page = open_live(f"{start_service(model_store=store, api_keys=KEY)}/live")
    start_camera(page)
    expect(page.get_by_role("alert")).to_contain_text("A key is needed")
    page.get_by_label("Key", exact=True).fill(KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text("Showing")


def test_a_new_version_takes_over(
    open_live: Callable[[str], Page], start_service: Callable[..., str], tmp_path: Path, complaints: list[str]
) -> None:
    stores.publish(tmp_path, "colours", "1")
    page = open_live(f"{start_service(model_store=tmp_path, store_poll_seconds=0.1)}/live")
    start_camera(page)
    expect(page.locator("#answer")).to_contain_text("Showing")
    stores.publish(tmp_path, "colours", "2", threshold=1.0)
    expect(page.locator("#answer")).to_have_text("Nothing that it can name")
    expect(page.locator("#ticker .now .label")).to_have_text("Nothing named")
    assert complaints == []


def test_the_switch_averages_the_answers_of_half_a_second(page: Page) -> None:
    assert page.evaluate(BARS, False) == ["b100 %", "a0 %"]
    assert page.evaluate(BARS, True) == ["a67 %", "b33 %"]


@pytest.mark.parametrize("way", ["Live", "Watch live"])
def test_the_first_page_leads_here(context: BrowserContext, base_url: str, way: str) -> None:
    page = context.new_page()
    page.goto(f"{base_url}/?model=colours")
    page.get_by_role("link", name=way, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What moves before the camera?")
    assert ("model=colours" in page.url) == (way == "Watch live")

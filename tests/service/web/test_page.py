"""The page, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.helpers.browser import PHONE_WIDTH, width_needed
from tests.helpers.videos.alterations import set_display_matrix
from training.synthetic.video_encoder import ENCODINGS, encode_video


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
    assert r"video=@'it'\''s a clip.mp4'" in page.locator("#snippets code:visible").inner_text()
    assert "colours" in page.locator("#model").inner_text()
    assert width_needed(page) == PHONE_WIDTH
    assert complaints == []


BRIGHTEST_QUARTER = """async ([picture]) => {
  if (picture instanceof HTMLVideoElement) {
    picture.muted = true;
    await new Promise((shown) => { picture.requestVideoFrameCallback(shown); picture.play(); });
  }
  const canvas = Object.assign(document.createElement("canvas"), { width: 2, height: 2 });
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0, 2, 2);
  const { data } = context.getImageData(0, 0, 2, 2);
  return [0, 1, 2, 3].reduce((best, quarter) => (data[4 * quarter] > data[4 * best] ? quarter : best));
}"""
"""From left to right and from top to bottom, of the first element."""


@pytest.mark.parametrize(("matrix", "quarter"), [((1, 0, 0, 1), 0), ((-1, 0, 0, 1), 1), ((0, -1, -1, 0), 3)])
def test_the_preview_and_the_frames_are_mirrored_alike(
    page: Page, choose: Callable[[bytes], None], matrix: tuple[int, int, int, int], quarter: int
) -> None:
    bright = np.zeros((64, 64, 3), np.uint8)
    bright[:32, :32] = 255
    choose(set_display_matrix(encode_video([bright] * 25, ENCODINGS[0], 25), matrix))
    for pictures in ("#preview", "#frames img"):
        assert page.locator(pictures).evaluate_all(BRIGHTEST_QUARTER) == quarter


def test_an_answer_that_is_hardly_likely_says_so(page: Page, videos: dict[str, bytes]) -> None:
    def doubt(route: Route) -> None:
        response = route.fetch()
        answer = response.json()
        answer["predictions"][0]["probability"] = 0.3
        route.fulfill(response=response, json=answer)

    page.route("**/predict?*", doubt, times=1)
    page.locator("#file").set_input_files({"name": "clip.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]})
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#verdict").inner_text() == "It is not sure. Most of all it looks like"
    assert "It is not sure. Most of all it looks like: Showing blue, 30.0 %" in page.get_by_role("status").inner_text()


def test_an_answer_that_is_not_likely_names_none_and_greys_the_bars(
    context: BrowserContext, thresholds_url: str, videos: dict[str, bytes], complaints: list[str]
) -> None:
    page = context.new_page()
    clip = {"name": "clip.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]}
    for query, answer, is_doubted in (
        ("", "None of the 6 motions this model knows", True),
        ("?model=always", "Showing blue", False),
        ("?model=silent", "Showing blue", False),
    ):
        page.goto(f"{thresholds_url}/{query}")
        page.locator("#file").set_input_files(clip)  # type: ignore[arg-type]
        page.wait_for_selector("#result:not([hidden])")
        assert page.locator("#answer").inner_text() == answer
        assert answer in page.get_by_role("status").inner_text()
        assert page.locator("#bars li").first.inner_text().startswith("Showing blue")
        assert page.locator("#bars.unlikely").count() == page.locator("#nearest:visible").count() == is_doubted
        assert page.locator("#stability").is_hidden() is is_doubted
        assert width_needed(page) == PHONE_WIDTH
    assert complaints == []


def test_text_is_refused_in_words_and_the_next_clip_is_taken(
    page: Page, complaints: list[str], videos: dict[str, bytes], not_videos: dict[str, bytes]
) -> None:
    chooser = page.locator("#file")
    chooser.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": not_videos["text"]})
    page.wait_for_selector("#problem:not([hidden])")
    assert "Not a video" in page.get_by_role("alert").inner_text()
    assert page.locator("#result").is_hidden()
    assert width_needed(page) == PHONE_WIDTH
    # Chromium itself notes each answer that is an error.
    assert [complaint for complaint in complaints if "status of 415" not in complaint] == []
    chooser.set_input_files({"name": "clip.avi", "mimeType": "video/avi", "buffer": videos["avi"]})
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#problem").is_hidden()


def test_a_busy_service_says_when_to_come_again(page: Page, videos: dict[str, bytes]) -> None:
    busy = {"type": "/problems/overloaded", "title": "Too much to do", "detail": "all places are taken", "status": 503}

    def send_away(route: Route) -> None:
        route.fulfill(status=503, headers={"Retry-After": "3"}, json=busy)

    page.route("**/predict?*", send_away, times=1)
    page.locator("#file").set_input_files({"name": "clip.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]})
    page.get_by_text("in about 3 seconds").wait_for()
    page.get_by_role("button", name="Try again").press("Enter")
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#problem").is_hidden()


def test_a_service_that_is_gone_can_be_tried_again(page: Page, videos: dict[str, bytes]) -> None:
    page.route("**/predict?*", lambda route: route.abort())
    page.locator("#file").set_input_files({"name": "clip.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]})
    page.get_by_text("The service cannot be reached").wait_for()
    assert page.get_by_role("button", name="Try again").is_visible()


def test_the_example_is_answered_by_keyboard_alone(page: Page, complaints: list[str]) -> None:
    reached = []
    while "example" not in reached:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        assert len(reached) < 10, reached
    assert reached[-4:] == ["file", "go-live", "record", "example"]
    page.keyboard.press("Enter")
    page.wait_for_selector("#result:not([hidden])")
    expect(page.locator("#answer")).to_be_focused()
    assert "480 \N{MULTIPLICATION SIGN} 360" in page.locator("#clip").inner_text()
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

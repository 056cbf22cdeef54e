"""The page /teach, with a camera that shows a made film and trainings that are scripted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Locator, Page, expect, sync_playwright

from tests.helpers.browser import PHONE_WIDTH, width_needed
from tests.helpers.servers.service import Server
from tests.helpers.servers.teaching import MODEL, scripted_folder, settings_in
from tests.helpers.videos.copies import copies_of
from tests.helpers.videos.fake_camera import write_y4m
from tests.service.web.conftest import ARGUMENTS, CHROMIUM, REQUIRED

KEY = "open-sesame"
TRAINING_MS = 20_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with a camera that shows blue with a white square that moves."""
    if not CHROMIUM.exists() and not REQUIRED:
        pytest.skip(f"there is no Chromium at {CHROMIUM}; TIN_REQUIRE_BROWSER=1 insists")
    film = np.full((50, 120, 160, 3), (10, 20, 220), np.uint8)
    for number, frame in enumerate(film):
        frame[10:30, 2 * number : 2 * number + 20] = 255
    path = write_y4m(tmp_path_factory.mktemp("camera") / "film.y4m", film)
    with sync_playwright() as playwright:
        arguments = [*ARGUMENTS, f"--use-file-for-fake-video-capture={path}"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The service's working folder."""
    return scripted_folder(tmp_path / "here")


@pytest.fixture
def server(start_server: Callable[..., Server], folder: Path) -> Server:
    """A service that teaches."""
    return start_server(folder=folder, **settings_in(folder))


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Page:
    """The page on a phone, whose owner allows the camera."""
    context.grant_permissions(["camera"])
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(server.address)
    page.get_by_role("link", name="Teach").click()
    page.wait_for_selector("#lesson:not([hidden])")
    return page


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def add_action(page: Page, name: str) -> Locator:
    page.locator("#action-name").fill(name)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(card(page, name)).to_be_visible()
    return card(page, name)


def takes(action: Locator) -> Locator:
    return action.get_by_role("button", name="Play")


def choose_clips(action: Locator, video: bytes, first: int = 0) -> None:
    """Add three clips to an action; `first` differs between actions."""
    clips: list[FilePayload] = [
        {"name": f"{number}.mp4", "mimeType": "video/mp4", "buffer": copy}
        for number, copy in enumerate(copies_of(video, 3, first))
    ]
    action.locator("input[type=file]").set_input_files(clips)
    expect(takes(action)).to_have_count(3)


def teach_two(page: Page, video: bytes) -> None:
    for place, name in enumerate(("clap", "wave")):
        choose_clips(add_action(page, name), video, first=3 * place)


def test_from_two_names_to_an_answer(page: Page, complaints: list[str], videos: dict[str, bytes], folder: Path) -> None:
    train = page.get_by_role("button", name="Train", exact=True)
    expect(train).to_be_disabled()
    expect(page.locator("#train-note")).to_contain_text("at least two actions")
    wave = add_action(page, "wave <b>")
    wave.get_by_role("button", name="Record takes").click()
    page.get_by_label("Takes", exact=True).select_option("3")
    page.get_by_label("Seconds each").select_option("1")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#countdown")).to_have_text("3")
    expect(page.locator("#camera-note")).to_have_text("3 takes recorded.", timeout=20_000)
    page.get_by_role("button", name="Done").click()
    expect(takes(wave)).to_have_count(3)
    expect(page.locator("#train-note")).to_contain_text("at least two actions")

    choose_clips(add_action(page, "手"), videos["mp4"])
    assert width_needed(page) == PHONE_WIDTH
    train.click()
    expect(page.locator("#stages .current")).to_have_text("Learn")
    expect(page.locator("#accuracy svg")).to_be_visible()
    expect(page.locator("#job-text")).to_contain_text("About 75 seconds to go")
    assert page.locator("#job-progress").evaluate("bar => bar.value > 0 && bar.value < 1")
    expect(train).to_be_disabled()
    page.reload()
    expect(page.locator("#stages .current")).to_have_text("Learn")

    (folder / "finish").touch()
    expect(page.locator("#outcome-words")).to_have_text(f"{MODEL} 1 is ready.", timeout=TRAINING_MS)
    expect(page.locator("#outcome-detail")).to_contain_text("88 % of its own test (2 takes")
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator("#try-label")).to_contain_text("Showing blue")
    expect(page.locator("#try-bars li")).to_have_count(6)
    page.get_by_role("button", name="Stop the camera").click()
    page.locator("#try-file").set_input_files({"name": "c.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]})
    expect(page.locator("#try-label")).to_contain_text("Showing blue")
    assert width_needed(page) == PHONE_WIDTH
    with page.expect_popup() as report:
        page.get_by_role("link", name="Read its report").click()
    expect(report.value.locator("h1")).to_have_css("color", "rgb(0, 128, 0)")
    page.get_by_role("link", name="Open it on the main page").click()
    expect(page.locator("#chosen")).to_contain_text(MODEL)
    page.locator("#file").set_input_files({"name": "clip.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]})
    expect(page.locator("#model")).to_contain_text(MODEL)
    expect(page.locator("#snippets code:visible")).to_contain_text(f"/predict?model={MODEL}'")
    assert complaints == []


def test_takes_are_played_and_deleted(page: Page, complaints: list[str], videos: dict[str, bytes]) -> None:
    wave = add_action(page, "wave")
    choose_clips(wave, videos["mp4"])
    expect(wave).to_contain_text("3 takes")
    expect(wave.locator("img").first).to_have_js_property("naturalWidth", 64)
    takes(wave).first.click()
    player = page.get_by_role("dialog")
    expect(player).to_contain_text("Take 1 of wave")
    player.get_by_role("button", name="Delete").click()
    expect(takes(wave)).to_have_count(2)
    wave.get_by_role("button", name="Delete Take 1 of wave", exact=True).or_(
        wave.get_by_role("button", name="Delete Take 2 of wave", exact=True)
    ).first.click()
    expect(takes(wave)).to_have_count(1)
    expect(wave).to_contain_text("1 take, 2 more to go")
    page.once("dialog", lambda dialog: dialog.accept())
    wave.get_by_role("button", name="Delete the action wave").click()
    expect(wave).to_have_count(0)
    assert complaints == []


DROP = """(card, [bytes, name]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  card.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_clips_are_dropped_and_a_bad_one_is_refused_in_words(
    page: Page, videos: dict[str, bytes], not_videos: dict[str, bytes]
) -> None:
    wave = add_action(page, "wave")
    wave.evaluate(DROP, [list(videos["avi"]), "a.avi"])
    expect(takes(wave)).to_have_count(1)
    wave.evaluate(DROP, [list(not_videos["text"]), "notes.txt"])
    expect(page.get_by_role("alert")).to_contain_text("notes.txt: Not a video")
    expect(takes(wave)).to_have_count(1)
    page.locator("#action-name").fill("../wave")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The name cannot be used")


def test_a_training_is_cancelled(page: Page, videos: dict[str, bytes], server: Server) -> None:
    teach_two(page, videos["mp4"])
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#accuracy svg")).to_be_visible()
    page.locator("#job-cancel").click()
    expect(page.locator("#outcome-words")).to_contain_text("cancelled", timeout=TRAINING_MS)
    expect(page.locator("#try")).to_be_hidden()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()
    assert [model["name"] for model in httpx.get(f"{server.address}/models").json()["models"]] == ["colours"]


def test_a_failed_training_says_why(page: Page, videos: dict[str, bytes], folder: Path) -> None:
    (folder / "fail").touch()
    teach_two(page, videos["mp4"])
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#outcome")).to_contain_text("The clips cannot be told apart", timeout=TRAINING_MS)
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()


def test_a_service_that_asks_for_a_key_gets_it(
    context: BrowserContext, start_server: Callable[..., Server], folder: Path, videos: dict[str, bytes]
) -> None:
    server = start_server(folder=folder, **settings_in(folder), api_keys=KEY)
    page = context.new_page()
    page.goto(f"{server.address}/teach")
    page.get_by_label("Key", exact=True).fill(KEY)
    page.keyboard.press("Enter")
    teach_two(page, videos["mp4"])
    (folder / "finish").touch()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#outcome-words")).to_have_text(f"{MODEL} 1 is ready.", timeout=TRAINING_MS)
    with page.expect_popup() as report:
        page.get_by_role("link", name="Read its report").click()
    expect(report.value.locator("h1")).to_have_text("The report")


def test_a_service_that_cannot_train_says_why(page: Page, videos: dict[str, bytes], folder: Path) -> None:
    (folder / "store").rename(folder / "gone")
    teach_two(page, videos["mp4"])
    expect(page.locator("#train-note")).to_contain_text("cannot be written to")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()

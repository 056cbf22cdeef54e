"""The page of a service that asks for a key, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.browser import PHONE_WIDTH, width_needed

KEY = "sésame ouvre-toi"


@pytest.fixture(scope="module")
def base_url(start_service: Callable[..., str], store: Path) -> str:
    return start_service(model_store=store, api_keys=f"another,{KEY}")


@pytest.fixture
def refused(page: Page, long_clip: bytes) -> Page:
    """The page after a clip without a key."""
    page.locator("#file").set_input_files({"name": "clip.mp4", "mimeType": "video/mp4", "buffer": long_clip})
    expect(page.get_by_role("alert")).to_contain_text("A key is needed")
    return page


def enter(page: Page, key: str) -> None:
    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    page.keyboard.type(key)
    page.keyboard.press("Enter")


def test_a_key_is_asked_for_once(
    refused: Page, complaints: list[str], choose: Callable[[bytes], None], long_clip: bytes
) -> None:
    assert width_needed(refused) == PHONE_WIDTH
    enter(refused, KEY)
    refused.wait_for_selector("#result:not([hidden])")
    assert refused.get_by_role("alert").is_hidden()
    refused.get_by_role("button", name="Find out").click()
    refused.wait_for_selector("#segments:not([hidden])")
    refused.reload()
    choose(long_clip)
    # Chromium itself notes each answer that is an error.
    assert [complaint for complaint in complaints if "status of 401" not in complaint] == []


def test_a_wrong_key_is_told_and_asked_for_again(refused: Page) -> None:
    enter(refused, "simsim")
    expect(refused.get_by_role("alert")).to_contain_text("not valid")
    enter(refused, KEY)
    refused.wait_for_selector("#result:not([hidden])")


def test_the_command_takes_the_key_without_showing_it(refused: Page) -> None:
    assert refused.locator("#snippets code:visible").inner_text().startswith("curl -F ")
    enter(refused, KEY)
    refused.wait_for_selector("#result:not([hidden])")
    assert refused.locator("#snippets code:visible").inner_text().startswith('curl -H "X-API-Key: $KEY" -F ')


def test_other_problems_ask_for_no_key(refused: Page, not_videos: dict[str, bytes]) -> None:
    enter(refused, KEY)
    refused.wait_for_selector("#result:not([hidden])")
    refused.locator("#file").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": not_videos["text"]}
    )
    expect(refused.get_by_role("alert")).to_contain_text("Not a video")
    assert refused.get_by_label("Key", exact=True).is_hidden()

"""The answer on the page, of networks that do not interlace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from service.inference.temporal import DESCRIPTIONS
from service.store.manifest import TemporalKind
from tests.helpers.browser import PHONE_WIDTH, width_needed


@pytest.mark.parametrize("kind", ["tsm", "none"])
def test_a_sentence_stands_where_the_interlace_picture_would(
    context: BrowserContext,
    complaints: list[str],
    networks: Path,
    start_service: Callable[..., str],
    videos: dict[str, bytes],
    kind: TemporalKind,
) -> None:
    page = context.new_page()
    page.goto(start_service(model_store=networks, default_model=kind))
    page.locator("#file").set_input_files({"name": "clip.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]})
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#answer").inner_text() == "Showing blue"
    assert page.locator("#frames img").count() == 8
    assert page.locator("#stability li").count() == 2
    assert page.locator("#temporal").is_visible()
    assert page.locator("#temporal-description").inner_text() == DESCRIPTIONS[kind]
    assert page.locator("#interlacing").is_hidden()
    assert width_needed(page) == PHONE_WIDTH
    page.goto(page.url + "store")
    page.wait_for_selector(".version")
    networks_shown = page.locator(".version dd:first-of-type").all_inner_texts()
    assert [text.split(":")[0] for text in networks_shown] == ["TSN", "TIN", "TIN", "TSM"]
    assert complaints == []

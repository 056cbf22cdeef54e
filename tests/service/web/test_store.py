"""The page of the models, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from clips.clip_spec import View
from tests.helpers import stores
from tests.helpers.browser import PHONE_WIDTH, width_needed


@pytest.fixture
def page(page: Page, base_url: str) -> Page:
    page.goto(base_url)
    page.get_by_role("link", name="Models").click()
    page.wait_for_selector(".version")
    return page


def test_every_version_is_shown_with_what_it_is(page: Page, complaints: list[str]) -> None:
    assert page.locator("h2").all_inner_texts() == ["broken 1", "colours 1", "colours 2", "unproven 1"]
    first, newest = page.locator(".ready").all()
    assert "model.onnx" in newest.inner_text()
    assert "is the default" in newest.inner_text()
    assert "is the default" not in first.inner_text()
    refused = page.locator(".refused").all_inner_texts()
    assert "is not the file that was published" in refused[0]
    assert "parity report" in refused[1]
    newest.get_by_text("6 actions").click()
    assert newest.locator("li").all_inner_texts()[-1] == "Showing <b>yellow</b>"
    assert width_needed(page) == PHONE_WIDTH
    assert complaints == []


def test_a_model_of_many_views_says_so_and_shows_its_first_clip(
    context: BrowserContext, start_service: Callable[..., str], tmp_path: Path, videos: dict[str, bytes]
) -> None:
    stores.publish(tmp_path, "colours", "1", clip=replace(stores.SPEC, view=View.THREE, clips=2))
    address = start_service(model_store=tmp_path)
    page = context.new_page()
    page.goto(f"{address}/store")
    expect(page.locator(".ready")).to_contain_text("8 frames, in 6 views")
    page.goto(address)
    page.locator("#file").set_input_files({"name": "clip.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]})
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#frames img").count() == 8
    assert "one frame is 0.20" in page.locator("#lane-step").inner_text()


def test_it_follows_the_store(
    context: BrowserContext, start_service: Callable[..., str], publish: Callable[..., Path], tmp_path: Path
) -> None:
    folder = publish(tmp_path, "colours", "1")
    page = context.new_page()
    page.clock.install()
    page.goto(f"{start_service(model_store=tmp_path, store_poll_seconds=0.1)}/store")
    page.locator("summary").click()
    publish(tmp_path, "colours", "2")
    shutil.rmtree(folder)
    versions = page.locator("h2")
    while versions.all_inner_texts() != ["colours 2"]:
        page.clock.run_for(5_000)
        page.wait_for_timeout(50)


def test_it_shows_the_policy_and_what_answers_by_it(
    context: BrowserContext, start_service: Callable[..., str], publish: Callable[..., Path], tmp_path: Path
) -> None:
    for version in ("1", "2", "3"):
        publish(tmp_path, "colours", version)
    (tmp_path / "colours" / "policy.json").write_text('{"serve": [1, 2, 7]}')
    page = context.new_page()
    page.goto(f"{start_service(model_store=tmp_path)}/store")
    page.wait_for_selector(".version")
    older, default = page.locator(".ready").all_inner_texts()
    assert "is the default" in default
    assert "is the default" not in older
    assert all("Policy" in text and "1, 2, 7" in text for text in (older, default))
    assert page.locator(".reason").all_inner_texts()[0].endswith("7, which is not in the store")
    assert "3" in page.locator(".unloaded h2").inner_text()


def test_a_service_that_is_gone_is_told_until_it_is_back(page: Page) -> None:
    page.clock.install()
    page.reload()
    page.wait_for_selector(".version")

    def fail(route: Route) -> None:
        route.abort()

    page.route("**/models", fail)
    page.clock.run_for(5_000)
    expect(page.get_by_role("alert")).to_contain_text("No answer came back")
    assert page.locator(".version").count() == 4
    page.unroute("**/models", fail)
    page.clock.run_for(5_000)
    expect(page.get_by_role("alert")).to_be_hidden()

"""Snippets on the pages: each runs as it stands, and the tabs work by keyboard."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.helpers.browser import PHONE_WIDTH, width_needed
from tests.helpers.paths import REPOSITORY

KEY = "sesame"


@pytest.fixture(scope="module")
def base_url(start_service: Callable[..., str], store: Path) -> str:
    return start_service(model_store=store, api_keys=KEY)


@pytest.fixture
def page(context: BrowserContext, base_url: str) -> Page:
    """The page of a model, after the key was typed."""
    page = context.new_page()
    page.add_init_script(f"sessionStorage.setItem('key', '{KEY}')")
    page.goto(f"{base_url}/?model=colours")
    return page


@pytest.fixture
def folder(tmp_path: Path, videos: dict[str, bytes]) -> Path:
    """A folder with the clip that the snippets name."""
    (tmp_path / "clip.mp4").write_bytes(videos["mp4"])
    return tmp_path


def snippet(page: Page, language: str) -> str:
    page.locator("#snippets").get_by_role("tab", name=language).click()
    return page.locator("#snippets code:visible").inner_text()


def run(command: list[str], folder: Path) -> str:
    environment = {"KEY": KEY, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_command_runs(page: Page, folder: Path) -> None:
    answer = json.loads(run(["sh", "-c", snippet(page, "curl")], folder))
    assert (answer["model"]["name"], answer["predictions"][0]["label"]) == ("colours", "Showing blue")


def test_the_python_runs(page: Page, folder: Path) -> None:
    code = snippet(page, "Python")
    assert 'model="colours"' in code
    assert "Showing blue" in run([sys.executable, "-c", code], folder)


def test_the_javascript_runs(page: Page, folder: Path) -> None:
    code = snippet(page, "JavaScript")
    assert '{"model":"colours"}' in code
    body = code.replace("import { Client } from", "const { Client } = await import(").replace('js";', 'js");', 1)
    # The page itself would take the clip at once.
    page.evaluate("document.addEventListener('change', (event) => event.stopImmediatePropagation(), true)")
    page.locator("#file").set_input_files(folder / "clip.mp4")
    with page.expect_console_message(lambda message: message.text == "Showing blue"):
        page.evaluate(f"async (key) => {{ {body} }}", KEY)


def test_the_tabs_work_by_keyboard(page: Page, complaints: list[str]) -> None:
    chosen = page.get_by_role("tab", selected=True)
    expect(chosen).to_have_text("curl")
    chosen.focus()
    page.keyboard.press("ArrowLeft")
    expect(chosen).to_have_text("JavaScript")
    expect(chosen).to_be_focused()
    expect(page.get_by_role("tabpanel")).to_contain_text("import { Client }")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(chosen).to_have_text("Python")
    assert width_needed(page) == PHONE_WIDTH
    assert complaints == []


def test_what_is_copied_is_what_is_shown(page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    code = snippet(page, "Python")
    page.locator("#snippets").get_by_role("button", name="Copy").click()
    expect(page.locator("#snippets").get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == code

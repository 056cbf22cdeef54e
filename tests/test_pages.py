"""README.md and docs/: the files, headings, commands and settings that they name exist."""

import re

import pytest

from service.config.settings import Settings
from tests.helpers.paths import REPOSITORY
from tin.commands import COMMANDS

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]

page_by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page):
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@page_by_page
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\s?\(([^)\s]+)\)", page.read_text()):
        if link.startswith(("http:", "https:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@page_by_page
def test_commands_exist(page):
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    for module in re.findall(r"python -m ([a-z_.0-9]*[a-z_0-9])", text):
        file = REPOSITORY / module.replace(".", "/")
        assert module == "pip" or file.with_suffix(".py").exists() or (file / "__main__.py").exists(), module
    assert set(re.findall(r"(?:^ {4}|`|bin/|-- )tin ([a-z]+)\b", text, re.MULTILINE)) <= {
        each.name for each in COMMANDS
    }


@page_by_page
def test_settings_exist(page):
    settings = {f"TIN_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bTIN_[A-Z_]*[A-Z]\b(?!\*)", page.read_text())) <= settings


def test_every_page_is_linked_from_the_readme():
    text = PAGES[0].read_text()
    assert all(f"(docs/{page.name}" in text for page in PAGES[1:])

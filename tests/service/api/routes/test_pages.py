"""Pages: the fragments that they share are in place, and the bar links to each page that is served."""

from __future__ import annotations

import re

import pytest

from service.api.routes.pages import PAGES, TEACH, WEB, Page, render

ALL = (*PAGES, TEACH)
BAR = re.compile(r'<a href="([^"]+)"( aria-current="page")?>(\w+)</a>')


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.path)
def test_every_page_has_the_shared_head_and_a_bar_with_itself_marked(page: Page) -> None:
    text = render(page, ALL)
    assert "<!--" not in text
    assert all(line in text for line in (WEB / "frame" / "head.html").read_text().splitlines())
    (nav,) = re.findall("<nav.*?</nav>", text, re.DOTALL)
    assert BAR.findall(nav) == [
        (each.path, ' aria-current="page"' if each is page else "", each.link) for each in ALL if each.link
    ]


def test_the_bar_links_to_no_page_that_is_not_served() -> None:
    assert "/teach" not in render(PAGES[1], PAGES)


def test_every_page_of_the_folder_is_served() -> None:
    pages = {path.relative_to(WEB).as_posix() for path in WEB.rglob("*.html") if path.parent.name != "frame"}
    assert pages == {page.file for page in ALL}

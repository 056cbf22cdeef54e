"""The interlace picture."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

MIDDLE_AND_REACH = """lane => {
    const of = (element) => { const box = element.getBoundingClientRect(); return box.left + box.width / 2; };
    const middle = of(lane.querySelector(".now"));
    const reach = of(lane.querySelector("line.grid:last-of-type")) - middle;
    return [...lane.querySelectorAll("circle")].map((dot) => 2 * (of(dot) - middle) / reach);
}"""


@pytest.fixture(autouse=True)
def _answered(choose: Callable[[bytes], None], videos: dict[str, bytes]) -> None:
    choose(videos["mp4"])


def test_what_comes_from_earlier_frames_is_on_the_left(page: Page) -> None:
    lanes = page.locator(".lane")
    drawn = [lane.evaluate(MIDDLE_AND_REACH) for lane in lanes.all()]
    # The model of the test's store has the offsets 0.5 and -1, then 1 and 0.25; y[t] takes x[t - o].
    assert drawn == [pytest.approx([-0.5, 0.5, 1, -1], abs=0.02), pytest.approx([-1, 1, -0.25, 0.25], abs=0.02)]


def test_it_reads_as_words_and_as_a_table(page: Page, complaints: list[str]) -> None:
    first = page.get_by_role("radio").first
    assert first.get_attribute("aria-label") == (
        "Block 1 of 2, next to the picture: 0.50 frames earlier, mirrored 0.50 later, weight 1.00; "
        "1.00 frames later, mirrored 1.00 earlier, weight 1.00"
    )
    page.get_by_text("All the numbers").click()
    assert page.locator("#block-rows tr").all_inner_texts() == [
        "1\t+0.50, \N{MINUS SIGN}1.00\t1.00, 1.00",
        "2\t+1.00, +0.25\t1.00, 1.00",
    ]
    assert page.locator("#lane-step").inner_text() == "one frame is 0.20\u00a0s here"
    assert page.locator("#temporal").is_hidden()
    assert complaints == []


def test_arrow_keys_choose_a_block_and_the_pointer_only_looks(page: Page) -> None:
    numbers = page.locator("#block")
    assert "Block 1 of 2" in numbers.inner_text()
    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    assert "Block 2 of 2" in numbers.inner_text()
    assert page.get_by_role("radio", checked=True).count() == 1
    page.get_by_role("radio").first.hover()
    assert "Block 1 of 2" in numbers.inner_text()
    page.locator("h1").hover()
    assert "Block 2 of 2" in numbers.inner_text()

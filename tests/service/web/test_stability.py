"""Stability on the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route


def _action(label: str, probability: float) -> dict[str, Any]:
    return {"rank": 1, "label": label, "index": 0, "probability": probability}


UNSTABLE = {
    "is_stable": False,
    "depends_on_order": True,
    "shifted": {"predictions": [_action("Showing pink", 0.614)]},
    "reversed": {"predictions": [_action("Showing red", 0.806)]},
}
LESS_SURE_BACKWARDS = UNSTABLE | {"is_stable": True, "reversed": {"predictions": [_action("Showing blue", 0.5)]}}


def _answer_with(page: Page, stability: dict[str, Any] | None) -> None:
    def change(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json=response.json() | {"stability": stability})

    page.route("**/predict?*", change)


def test_a_model_of_colours_needs_no_order(
    page: Page, choose: Callable[[bytes], None], videos: dict[str, bytes], complaints: list[str]
) -> None:
    choose(videos["mp4"])
    assert page.locator("#stability li").all_inner_texts() == [
        "The answer stays the same half a step later.",
        "The answer does not depend on the order of the frames.",
    ]
    assert complaints == []


@pytest.mark.parametrize(
    ("stability", "lines"),
    [
        (
            UNSTABLE,
            ["Half a step later it would be: Showing pink (61 %).", "Backwards it would be: Showing red (81 %)."],
        ),
        (
            LESS_SURE_BACKWARDS,
            ["The answer stays the same half a step later.", "Backwards it would still be: Showing blue (50 %)."],
        ),
    ],
)
def test_what_other_frames_would_be_is_named(
    page: Page, choose: Callable[[bytes], None], videos: dict[str, bytes], stability: dict[str, Any], lines: list[str]
) -> None:
    _answer_with(page, stability)
    choose(videos["mp4"])
    assert page.locator("#stability li").all_inner_texts() == lines


def test_without_it_nothing_is_shown(page: Page, choose: Callable[[bytes], None], videos: dict[str, bytes]) -> None:
    _answer_with(page, None)
    choose(videos["mp4"])
    assert page.locator("#stability").is_hidden()

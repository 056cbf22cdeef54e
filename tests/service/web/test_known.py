"""Known motions: the labels of the chosen model, on the first view of the page."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.helpers.browser import PHONE_WIDTH, width_needed
from tests.helpers.stores import LABELS


def test_few_labels_are_all_there_at_a_glance(page: Page, complaints: list[str]) -> None:
    page.wait_for_selector("#known:not([hidden])")
    assert page.locator("#known summary").inner_text() == "It can name 6 motions"
    assert page.locator("#known li").all_inner_texts() == list(LABELS)
    assert page.locator("#known-search").is_hidden()
    assert width_needed(page) == PHONE_WIDTH
    assert complaints == []


def test_hundreds_of_labels_are_counted_and_searched(page: Page, complaints: list[str]) -> None:
    labels = [f"{verb} {thing} {number}" for verb in ("lifting", "pushing") for thing in "abcd" for number in range(50)]

    def know_many(route: Route) -> None:
        response = route.fetch()
        answer = response.json()
        for model in answer["models"]:
            model["labels"] = model["labels"] and labels
        route.fulfill(response=response, json=answer)

    page.route("**/models", know_many)
    page.reload()
    page.wait_for_selector("#known:not([hidden])")
    assert page.locator("#known-count").inner_text() == "400 motions"
    search = page.get_by_label("Search what it can name")
    search.fill("PUSH c 4")
    found = page.locator("#known li")
    expect(found).to_have_count(14)
    assert all(text.startswith("pushing c") and "4" in text for text in found.all_inner_texts())
    search.fill("dancing")
    page.get_by_text("Nothing of that name").wait_for()
    search.fill("")
    expect(found).to_have_count(400)
    assert page.locator("#known").evaluate("element => element.clientHeight") < 400
    assert width_needed(page) == PHONE_WIDTH
    assert complaints == []


def test_the_labels_are_those_of_the_chosen_model_and_fold_for_the_answer(
    context: BrowserContext, networks_url: str, videos: dict[str, bytes]
) -> None:
    page = context.new_page()

    def shorten(route: Route) -> None:
        response = route.fetch()
        answer = response.json()
        for model in answer["models"]:
            model["labels"] = model["labels"][:1] if model["name"] == "tsm" else model["labels"]
        route.fulfill(response=response, json=answer)

    page.route("**/models", shorten)
    page.goto(f"{networks_url}/?model=tsm")
    page.wait_for_selector("#known:not([hidden])")
    assert page.locator("#known-count").inner_text() == "1 motion"
    page.locator("#file").set_input_files({"name": "clip.mp4", "mimeType": "video/mp4", "buffer": videos["mp4"]})
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#known-labels").is_hidden()
    assert page.locator("#known-count").is_visible()


def test_without_a_model_there_is_nothing_to_name(page: Page) -> None:
    page.route("**/models", lambda route: route.abort())
    page.reload()
    page.wait_for_selector("#drop")
    expect(page.locator("#known")).to_be_hidden()

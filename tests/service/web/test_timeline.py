"""The timeline of a long clip."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

LABELS = ("Showing red", "Showing <b>yellow</b>", "Showing blue")
SEGMENTS = [
    {"start_seconds": 0.0, "end_seconds": 3.5, "label": LABELS[0], "probability": 0.91},
    {"start_seconds": 3.5, "end_seconds": 7.5, "label": LABELS[1], "probability": 0.62},
    {"start_seconds": 7.5, "end_seconds": 10.0, "label": LABELS[2], "probability": 0.99},
]
CLIP = {"kind": "clip", "clip": {"duration_seconds": 10.0}, "num_windows": 9}
WINDOWS = [
    {
        "kind": "window",
        "start_seconds": start,
        "end_seconds": start + 2.0,
        "predictions": [{"label": LABELS[start // 3], "probability": 0.9}],
    }
    for start in range(9)
]
PROBLEM = {"kind": "problem", "type": "/problems/draining", "title": "About to stop", "detail": "the service stops"}


def _stream(page: Page, *rows: dict[str, Any]) -> None:
    body = "".join(json.dumps(row) + "\n" for row in rows)
    page.route("**/timeline", lambda route: route.fulfill(content_type="application/x-ndjson", body=body))


def _wait_for_note(page: Page, text: str) -> None:
    page.locator("#timeline-note").filter(has_text=text).wait_for()


def _parts(page: Page) -> list[tuple[str, str, str]]:
    return [
        (part.inner_text(), *part.evaluate("part => [part.style.left, part.style.width]"))
        for part in page.locator("#band .part").all()
    ]


def test_segments_are_drawn_listed_and_played(
    page: Page, choose: Callable[[bytes], None], long_clip: bytes, complaints: list[str]
) -> None:
    _stream(page, CLIP, *WINDOWS, {"kind": "segments", "segments": SEGMENTS})
    choose(long_clip)
    page.get_by_role("button", name="Find out").click()
    page.wait_for_selector("#segments:not([hidden])")
    assert _parts(page) == [(LABELS[0], "0%", "35%"), (LABELS[1], "35%", "40%"), (LABELS[2], "75%", "25%")]
    rows = page.locator("#segment-rows tr")
    assert [row.locator("td").nth(2).inner_text() for row in rows.all()] == list(LABELS)
    assert page.locator("#segment-rows tr").last.locator("td").last.inner_text() == "99 %"
    page.get_by_role("button", name="Play from 0:07.5").focus()
    page.evaluate("document.getElementById('preview').pause()")
    page.keyboard.press("Enter")
    expect(page.locator("#preview")).to_have_js_property("currentTime", 7.5)
    expect(page.locator(".playhead")).to_have_attribute("style", "left: 75%;")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert complaints == []


def test_windows_are_drawn_before_the_end_is_known(
    page: Page, choose: Callable[[bytes], None], long_clip: bytes
) -> None:
    _stream(page, CLIP, *WINDOWS[:4], PROBLEM)
    choose(long_clip)
    page.get_by_role("button", name="Find out").click()
    _wait_for_note(page, "About to stop: The service stops.")
    # Where two windows overlap, each has half.
    assert [part[1] for part in _parts(page)] == ["0%", "15%", "25%", "35%"]
    assert page.locator("#segments").is_hidden()
    page.unroute("**/timeline")
    _stream(page, CLIP, *WINDOWS, {"kind": "segments", "segments": SEGMENTS[:1]})
    page.get_by_role("button", name="Find out").click()
    _wait_for_note(page, "The same all the way through.")


def test_a_stream_that_breaks_off_is_told(page: Page, choose: Callable[[bytes], None], long_clip: bytes) -> None:
    _stream(page, CLIP, *WINDOWS[:2])
    choose(long_clip)
    page.get_by_role("button", name="Find out").click()
    _wait_for_note(page, "the connection broke off")
    assert page.get_by_role("button", name="Find out").is_visible()


def test_cancelling_ends_the_request(page: Page, choose: Callable[[bytes], None], long_clip: bytes) -> None:
    def never_answer(route: Route) -> None:
        pass

    page.route("**/timeline", never_answer)
    choose(long_clip)
    page.get_by_role("button", name="Find out").click()
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/timeline")):
        page.get_by_role("button", name="Cancel").click()
    assert page.locator("#timeline-note").inner_text() == "Cancelled."
    assert page.get_by_role("button", name="Find out").is_visible()


def test_a_short_clip_has_none(page: Page, choose: Callable[[bytes], None], videos: dict[str, bytes]) -> None:
    choose(videos["mp4"])
    assert page.locator("#timeline").is_hidden()


def test_lines_are_put_together_from_any_pieces(page: Page) -> None:
    text = '{"label": "größer ✓"}\n\n{"label": 2}\n{"label": "no newline"}'
    script = """async (bytes) => {
        const { objectsOf } = await import("/client.js");
        const stream = new ReadableStream({ start(to) {
            for (const byte of bytes) to.enqueue(new Uint8Array([byte]));
            to.close();
        } });
        const found = [];
        for await (const { label } of objectsOf(stream)) found.push(label);
        return found;
    }"""
    assert page.evaluate(script, list(text.encode())) == ["größer ✓", 2, "no newline"]


def test_the_parts_of_a_real_clip(
    page: Page, choose: Callable[[bytes], None], long_clip: bytes, complaints: list[str]
) -> None:
    choose(long_clip)
    page.get_by_role("button", name="Find out").click()
    _wait_for_note(page, "3 parts.")
    # The window over the change is half red, half blue.
    assert _parts(page) == [
        ("Showing red", "0%", "45%"),
        ("Showing pink", "45%", "10%"),
        ("Showing blue", "55%", "45%"),
    ]
    assert complaints == []


def test_a_segment_that_is_not_likely_names_none(
    page: Page, choose: Callable[[bytes], None], long_clip: bytes, complaints: list[str]
) -> None:
    segments = [SEGMENTS[0] | {"likely": True}, SEGMENTS[1] | {"likely": False}, SEGMENTS[2]]
    _stream(page, CLIP, WINDOWS[0] | {"likely": False}, {"kind": "segments", "segments": segments})
    choose(long_clip)
    page.get_by_role("button", name="Find out").click()
    page.wait_for_selector("#segments:not([hidden])")
    assert [part.inner_text() for part in page.locator("#band .part").all()] == [LABELS[0], "", LABELS[2]]
    words = [row.locator("td").nth(2).inner_text() for row in page.locator("#segment-rows tr").all()]
    assert words == [LABELS[0], f"None that it knows; nearest: {LABELS[1]}", LABELS[2]]
    assert complaints == []


def test_a_segment_without_a_name_says_so(
    page: Page, choose: Callable[[bytes], None], long_clip: bytes, complaints: list[str]
) -> None:
    nothing = SEGMENTS[1] | {"label": None, "index": None, "probability": 0.31, "likely": False}
    weak = WINDOWS[1] | {"predictions": [{"label": LABELS[1], "probability": 0.4}]}
    _stream(page, CLIP | {"min_probability": 0.5}, WINDOWS[0], weak, PROBLEM)
    choose(long_clip)
    page.get_by_role("button", name="Find out").click()
    _wait_for_note(page, "About to stop")
    assert [part[0] for part in _parts(page)] == [LABELS[0], ""]
    page.unroute("**/timeline")
    _stream(page, CLIP, {"kind": "segments", "segments": [SEGMENTS[0], nothing, SEGMENTS[2]]})
    page.get_by_role("button", name="Find out").click()
    page.wait_for_selector("#segments:not([hidden])")
    cells = page.locator("#segment-rows tr").nth(1).locator("td")
    assert (cells.nth(2).inner_text(), cells.last.inner_text()) == ("Nothing named", "")
    assert page.get_by_role("button", name="Play from 0:03.5: Nothing named").count() == 1
    page.unroute("**/timeline")
    _stream(page, CLIP, {"kind": "segments", "segments": [nothing | {"start_seconds": 0, "end_seconds": 10}]})
    page.get_by_role("button", name="Find out").click()
    _wait_for_note(page, "Nothing in it that this model can name.")
    assert complaints == []

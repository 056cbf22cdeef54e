"""The page of a report: parsed, and opened in Chromium as a phone and a desktop do."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from training.engine.evaluation import ClipScores
from training.reports.controls import Controls
from training.reports.page import write_page
from training.reports.report import Report
from training.reports.worst_clips import WorstClip, strip_of

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = "<script>alert(1)</script> & \"pull\" 'it'"
FACTS = {"checkpoint": "best <1>.safetensors", "clips": 60, "views_per_clip": 1, "protocol": "recipe"}
VOID = {"meta", "img", "br"}


def report_of(num_classes):
    rng = np.random.default_rng(0)
    names = (HOSTILE, *(f"Moving something number {number}" for number in range(1, num_classes)))
    labels = rng.integers(0, num_classes, 60)
    logits = rng.normal(size=(60, 3, num_classes)).astype(np.float32)
    logits[np.arange(60), 0, labels] += 4
    controls = Controls.of(ClipScores(logits, labels, np.arange(60), temperature=1.5))
    strip = strip_of(rng.integers(0, 255, (8, 64, 64, 3), dtype=np.uint8))
    worst = WorstClip(f"{HOSTILE}.mp4", HOSTILE, 0.125, names[1], 0.75, strip)
    return Report("tiny", names, controls, (worst,), FACTS)


class Parsed(HTMLParser):
    """Elements, attributes and text of a page; fails where an element is not closed."""

    def __init__(self, page):
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("num_classes", [2, 174])
def test_the_page_needs_no_script_and_no_address(num_classes):
    page = Parsed(write_page(report_of(num_classes)))
    assert {"html", "table", "svg", "img", "style"} <= {tag for tag, _ in page.elements}
    assert "script" not in {tag for tag, _ in page.elements}
    links = [attrs[name] for _, attrs in page.elements for name in ("src", "href") if name in attrs]
    assert links
    assert all(link.startswith("data:image/jpeg;base64,") for link in links)
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert HOSTILE in page.text
    assert f"{HOSTILE}.mp4" in page.text


def test_the_page_has_the_figures_of_the_json():
    report = report_of(3)
    figures, text = json.loads(json.dumps(report.to_json())), Parsed(write_page(report)).text
    for share in (figures["top1_acc"], figures["expected_calibration_error"], *figures["controls"].values()):
        assert f"{share:.1%}" in text
    assert all(str(row["right"]) in text for row in figures["classes"])


def test_only_a_model_with_a_threshold_has_one_on_the_page():
    report = report_of(3)
    assert "likely" not in write_page(report)
    with_threshold = replace(report, facts=report.facts | {"threshold": 0.625})
    assert "likely from 62.5% on" in write_page(with_threshold)


def test_the_json_is_the_report():
    report = report_of(3)
    figures = json.loads(json.dumps(report.to_json()))
    scores = report.controls.sampled
    right = scores.probabilities.argmax(1) == scores.labels
    assert figures["top1_acc"] == figures["controls"]["sampled"] == right.mean()
    assert figures["controls"]["shuffled"] < figures["top1_acc"]
    assert np.trace(figures["confusion_matrix"]) == right.sum() == sum(row["right"] for row in figures["classes"])
    assert (figures["temperature"], figures["labels"][0]) == (1.5, HOSTILE)
    assert figures["worst_clips"][0] == {
        "name": f"{HOSTILE}.mp4",
        "label": HOSTILE,
        "probability": 0.125,
        "answer": "Moving something number 1",
        "answer_probability": 0.75,
    }


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"there is no Chromium at {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_only_wide_figures_scroll_sideways_in_chromium(browser, tmp_path, width, scheme):
    file = tmp_path / "report.html"
    file.write_text(write_page(report_of(174)), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('img').naturalWidth") == 8 * 96
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    bright = [sum(map(int, colour[4:-1].split(","))) for colour in (ink, paper)]
    assert (bright[0] < bright[1]) is (scheme == "light")
    page.close()

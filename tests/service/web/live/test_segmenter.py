"""Segments in the browser, beside those of the service's Segmenter, on random windows."""

from __future__ import annotations

import random

import pytest
from playwright.sync_api import Page

from clips.scores import Score
from service.inference.segmentation import BRIDGED_SECONDS, ScoredWindow, segments_of

SEGMENTS = """async ([windows, minProbability, bridgedSeconds]) => {
    const { Segmenter } = await import("/web/live/segmenter.js");
    const segmenter = new Segmenter(minProbability, ...(bridgedSeconds === null ? [] : [bridgedSeconds]));
    const closed = windows.flatMap((window) => segmenter.add(window));
    return [...closed, ...segmenter.finish()];
}"""


def random_windows(seed: int, step: float, count: int = 200) -> list[ScoredWindow]:
    rng = random.Random(seed)
    labels = [rng.choice("AB") for _ in range(count)]
    scores = [Score(1, label, "AB".index(label), rng.random()) for label in labels]
    return [ScoredWindow(place * step, place * step + 2, score) for place, score in enumerate(scores)]


@pytest.mark.parametrize("bridged_seconds", [None, 0.0, 0.4, 1.5])
@pytest.mark.parametrize("min_probability", [0.0, 0.3])
@pytest.mark.parametrize("step", [0.25, 0.5, 1.0, 2.0])
def test_the_segments_are_equal(page: Page, bridged_seconds: float | None, min_probability: float, step: float) -> None:
    windows = random_windows(7, step)
    given = [
        {"start": each.start, "end": each.end, "label": each.top1.label, "probability": each.top1.probability}
        for each in windows
    ]
    expected = segments_of(windows, min_probability, BRIDGED_SECONDS if bridged_seconds is None else bridged_seconds)
    found = page.evaluate(SEGMENTS, [given, min_probability, bridged_seconds])
    assert len(found) > 2
    assert [(each["start"], each["end"], each["label"]) for each in found] == [
        (each.start, each.end, each.label) for each in expected
    ]
    assert [each["probability"] for each in found] == pytest.approx([each.probability for each in expected])

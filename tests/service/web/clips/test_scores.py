"""Scores in the browser, beside those of the package `clips`."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page

from clips.scores import average_views, top_scores

SCORES = """async ([logits, temperature, labels]) => {
    const { probabilitiesOf, topScores } = await import("/web/clips/scores.js");
    return topScores(probabilitiesOf(logits, temperature), labels, 5);
}"""


@pytest.mark.parametrize("temperature", [1.0, 0.7, 2.5])
def test_the_scores_are_equal(page: Page, temperature: float) -> None:
    logits = np.random.default_rng(0).normal(0, 40, (3, 30)).astype(np.float32)
    logits[:, 7] = logits[:, 3]  # a tie
    labels = [f"action {index}" for index in range(30)]
    scores = page.evaluate(SCORES, [logits.astype(float).tolist(), temperature, labels])
    expected = top_scores(average_views(logits, temperature), labels, 5)
    assert [(score["label"], score["index"]) for score in scores] == [(each.label, each.index) for each in expected]
    assert [score["probability"] for score in scores] == pytest.approx([each.probability for each in expected])

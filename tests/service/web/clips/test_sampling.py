"""Frame sampling in the browser, beside that of the package `clips`."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from clips.sampling import evaluation_indices

INDICES = """async ([most, segments, clips]) => {
    const { evaluationIndices } = await import("/web/clips/sampling.js");
    return Array.from({ length: most }, (_, place) => evaluationIndices(place + 1, segments, clips));
}"""


@pytest.mark.parametrize(("num_segments", "num_clips"), [(8, 1), (8, 2), (16, 1), (3, 2)])
def test_the_indices_are_equal(page: Page, num_segments: int, num_clips: int) -> None:
    expected = [evaluation_indices(frames, num_segments, num_clips) for frames in range(1, 121)]
    assert page.evaluate(INDICES, [120, num_segments, num_clips]) == expected

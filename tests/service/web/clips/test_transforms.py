"""Squares of frames in the browser, beside those of the package `clips`: equal in every byte."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from clips.clip_spec import ClipSpec, View
from clips.transforms import crop_frames

CROPS = """async ([text, width, height, clip]) => {
    const { cropsOf } = await import("/web/clips/transforms.js");
    const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const crops = cropsOf({ data, width, height }, clip);
    return crops.map((crop) => btoa(Array.from(crop, (byte) => String.fromCharCode(byte)).join("")));
}"""

SPECS = [
    ClipSpec(crop=96, view=View.SQUEEZE),
    ClipSpec(crop=64, short_side=73),
    ClipSpec(crop=64, view=View.THREE),
    ClipSpec(crop=64, short_side=75, view=View.TEN),
]
SIZES = [(640, 480), (480, 640), (113, 97), (192, 192), (50, 40), (96, 96), (1280, 720)]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.view.value)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_squares_are_equal(page: Page, spec: ClipSpec, width: int, height: int) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    opaque = np.dstack([frame, np.full((height, width), 255, np.uint8)])
    clip: dict[str, Any] = spec.to_json()
    crops = page.evaluate(CROPS, [base64.b64encode(opaque.tobytes()).decode(), width, height, clip])
    decoded = [np.frombuffer(base64.b64decode(crop), np.uint8).reshape(spec.crop, spec.crop, 3) for crop in crops]
    np.testing.assert_array_equal(np.stack(decoded), crop_frames([frame], spec)[:, 0])

"""The page /live with the demo model and a film of its motions: the time from a change to its name.

One minute; `make soak-live-page` sets LIVE_SECONDS to ten.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page

from clips.decoding.frames import Image
from service.store.manifest import MANIFEST_FILE, Manifest, TimelineDefaults
from tests.helpers.paths import REPOSITORY
from tests.helpers.videos.fake_camera import write_y4m
from tests.service.web.live.conftest import start_camera
from training.synthetic.motions import LABELS
from training.synthetic.studio import Studio

SECONDS = float(os.environ.get("LIVE_SECONDS", "50"))
RATE = 25
STORE = REPOSITORY / "model_store"
TIMELINE = Manifest.model_validate_json((STORE / "tin-motion" / "1" / MANIFEST_FILE).read_bytes()).timeline
WINDOW_SECONDS = TIMELINE.window_seconds if TIMELINE else TimelineDefaults().window_seconds
SECONDS_EACH = WINDOW_SECONDS + 1
MOST_SECONDS = WINDOW_SECONDS + 0.3
WIDTH, HEIGHT = 160, 120
MARK = 8
"""Pixels; a square in the film's corner has one grey for each motion, by which the page can tell them apart."""

WATCH = """([labels, mark]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const video = document.getElementById("viewfinder");
    const answer = document.getElementById("answer");
    window.motions = [];
    const look = (now) => {
        context.drawImage(video, mark / 4, mark / 4, mark / 2, mark / 2, 0, 0, 1, 1);
        const motion = Math.round((context.getImageData(0, 0, 1, 1).data[0] - 16) / 14);
        if (motion !== window.motions.at(-1)?.motion) window.motions.push({ motion, began: now, named: null });
        video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    new MutationObserver(() => {
        const current = window.motions.at(-1);
        if (current && current.named === null && answer.textContent === labels[current.motion]) {
            current.named = performance.now();
        }
    }).observe(answer, { childList: true, characterData: true, subtree: true });
}"""


def marked(frame: Image, motion: int) -> Image:
    frame = np.ascontiguousarray(cv2.resize(frame, (WIDTH, HEIGHT)))
    frame[:MARK, :MARK] = 16 + 14 * motion
    return frame


def motions() -> Iterator[Image]:
    """Every motion of the demo model, one after the other."""
    studio = Studio(seed=5, num_textures=40)
    for motion in range(len(LABELS)):
        film = studio.draw(motion, difficulty=0.5, short_sides=(96, 120))
        for frame in film.frames(np.linspace(0, 1, round(SECONDS_EACH * RATE)), studio.noise):
            yield marked(frame, motion)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_y4m(tmp_path_factory.mktemp("camera") / "motions.y4m", motions(), RATE)


@pytest.fixture(scope="module")
def base_url(start_service: Callable[..., str]) -> str:
    return start_service(model_store=STORE, default_model="tin-motion", onnx_threads=1)


def test_what_moves_is_named_within_a_window(
    page: Page, complaints: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    start_camera(page)
    page.locator("#stop").wait_for()
    page.evaluate(WATCH, [LABELS, MARK])
    page.wait_for_timeout(1000 * SECONDS)
    seen: list[dict[str, Any]] = page.evaluate("window.motions")[1:-1]  # of the first and the last a part was missed
    delays = [np.inf if each["named"] is None else (each["named"] - each["began"]) / 1000 for each in seen]
    with capsys.disabled():
        missed, median = np.isinf(delays).sum(), statistics.median(delays)
        sys.stdout.write(f"\n{len(delays)} motions, {missed} never named; in the median after {median:.2f} s\n")
    assert len(delays) >= SECONDS / SECONDS_EACH - 4
    assert statistics.median(delays) <= MOST_SECONDS
    assert complaints == []

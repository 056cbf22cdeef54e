"""Pixels of camera frames, from a browser's canvas and from the server's decoder: their difference, and the answers."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator

import av
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page

from clips.clip_spec import ClipSpec, View
from clips.preprocess import preprocess_frames
from tests.helpers.paths import REPOSITORY
from training.synthetic.motions import LABELS
from training.synthetic.studio import Studio

NUM_CLIPS = 100
LEAST_AGREEMENT = 0.95
MOST_APART = 6
"""Steps of 255: browser and decoder round colours differently, and blow up the halved chroma by other rules."""

SPEC = ClipSpec(crop=96, view=View.SQUEEZE)
MODEL = REPOSITORY / "model_store" / "tin-motion" / "1" / "model.onnx"

SQUARES = """async ([frames, width, height, clip]) => {
    const { cropsOf } = await import("/web/clips/transforms.js");
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    const colorSpace = { matrix: "smpte170m", primaries: "smpte170m", transfer: "smpte170m", fullRange: false };
    const layout = { format: "I420", codedWidth: width, codedHeight: height, timestamp: 0, colorSpace };
    return frames.map((text) => {
        const frame = new VideoFrame(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)), layout);
        context.drawImage(frame, 0, 0);
        frame.close();
        const [square] = cropsOf(context.getImageData(0, 0, width, height), clip);
        return btoa(Array.from(square, (byte) => String.fromCharCode(byte)).join(""));
    });
}"""


def rendered_clips() -> Iterator[list[av.VideoFrame]]:
    """The sampled frames of each clip in YUV 4:2:0, as a camera gives them."""
    studio = Studio(seed=11, num_textures=40)
    moments = (np.arange(SPEC.num_frames) + 0.5) / SPEC.num_frames
    for number in range(NUM_CLIPS):
        frames = studio.draw(number % len(LABELS)).frames(moments, studio.noise)
        yield [av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv420p") for frame in frames]


def through_the_browser(page: Page, frames: list[av.VideoFrame]) -> NDArray[np.uint8]:
    """uint8 [1, T, 96, 96, 3]."""
    planes = [base64.b64encode(frame.to_ndarray().tobytes()).decode() for frame in frames]
    squares = page.evaluate(SQUARES, [planes, frames[0].width, frames[0].height, SPEC.to_json()])
    pixels = np.frombuffer(b"".join(base64.b64decode(square) for square in squares), np.uint8)
    return pixels.reshape(1, SPEC.num_frames, SPEC.crop, SPEC.crop, 3)


def through_the_server(frames: list[av.VideoFrame]) -> NDArray[np.uint8]:
    """uint8 [1, T, 96, 96, 3]."""
    images = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in frames]
    return preprocess_frames(images, SPEC).views


def test_the_model_answers_alike(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    network = onnxruntime.InferenceSession(MODEL)
    answers, apart = [], []
    for frames in rendered_clips():
        pairs = through_the_browser(page, frames), through_the_server(frames)
        answers.append([int(network.run(["logits"], {"clips": views})[0].argmax()) for views in pairs])
        apart.append(np.abs(pairs[0].astype(int) - pairs[1]))
    agreement = np.mean([browser == server for browser, server in answers])
    largest = max(each.max() for each in apart)
    with capsys.disabled():
        sys.stdout.write(f"\ntop-1 equal on {agreement:.0%} of {NUM_CLIPS} clips; pixels differ by {largest} at most\n")
    assert agreement >= LEAST_AGREEMENT
    assert largest <= MOST_APART

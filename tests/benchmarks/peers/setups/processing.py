"""Steps before and after the network that all peers share: choice of frames, resizing, the likeliest labels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

NUM_ANSWERS = 5
MODEL_FOLDER = "PEER_MODEL"
"""Environment variable: the folder of `model.onnx` and its `card.json`."""


def middle_frames(num_frames_in_video: int, num_segments: int) -> list[int]:
    """Return the middle frame of each of equal segments."""
    segment = num_frames_in_video / num_segments
    return [min(int(segment * index + segment / 2), num_frames_in_video - 1) for index in range(num_segments)]


def prepare(frame: NDArray[np.uint8], card: dict[str, Any]) -> NDArray[np.uint8]:
    """Scale a frame and cut its centre, or squeeze it into the square, as the model's card says."""
    side = card["crop"]
    if card["view"] == "squeeze":
        return np.asarray(cv2.resize(frame, (side, side)), np.uint8)
    height, width = frame.shape[:2]
    scale = card["short_side"] / min(height, width)
    frame = np.asarray(cv2.resize(frame, (round(width * scale), round(height * scale))), np.uint8)
    top, left = (frame.shape[0] - side) // 2, (frame.shape[1] - side) // 2
    return frame[top : top + side, left : left + side]


def answer(logits: NDArray[np.float32], labels: list[str]) -> dict[str, Any]:
    """Return the likeliest labels of logits [K] with their probabilities."""
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    best = shares.argsort()[::-1][:NUM_ANSWERS]
    return {"predictions": [{"label": labels[each], "probability": float(shares[each])} for each in best]}

"""Folders of short clips of a moving square, with a folder for each class of motion."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.videos.moving_square import moving_square
from training.synthetic.video_encoder import ENCODINGS, encode_video

ORDERS = {"left": slice(None, None, -1), "right": slice(None), "still": slice(0, 1)}


def make_action_clips(root: Path, per_class: int, *, labels: tuple[str, ...] = ("left", "right")) -> Path:
    """Write `per_class` clips of 12 frames or more of each class, in several formats, to `root`/<class>/; return it."""
    for label in labels:
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            frames = moving_square(12 + number, width=64 + 8 * (number % 3), height=48)[ORDERS[label]]
            encoding = ENCODINGS[number % len(ENCODINGS)]
            video = encode_video(frames * (12 // len(frames) or 1), encoding, 25)
            (root / label / f"take {number}.{encoding.container}").write_bytes(video)
    return root

"""Files that users send instead of a video."""

from __future__ import annotations

import cv2
import numpy as np

from tests.helpers.videos.clip_recipes import avif, encrypted
from tests.helpers.videos.covers import with_cover
from tests.helpers.videos.encoded import encode, encode_audio
from tests.helpers.videos.make_clip import make_clip


def not_videos() -> dict[str, bytes]:
    """Return the files by kind."""
    picture = cv2.imencode(".png", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    video = encode("mp4", "libx264", 40)
    return {
        "text": b"Dear service, this is not a video.\n" * 20,
        "png": picture,
        "wav": encode_audio("wav", "pcm_s16le"),
        "m4a": encode_audio("ipod", "aac"),
        "song": with_cover("mp4"),
        "photo": make_clip(avif("photo", frames=1)),
        "encrypted": make_clip(encrypted("mp4")),
        "truncated": video[: len(video) // 2],
    }

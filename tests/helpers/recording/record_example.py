"""Render the example clip of the page.

python -m tests.helpers.recording.record_example
"""

from __future__ import annotations

import numpy as np

from service.api.routes.pages import WEB
from training.synthetic.motions import LABELS
from training.synthetic.studio import Studio
from training.synthetic.video_encoder import Encoding, encode_video

FILE = WEB / "example.mp4"
LABEL = LABELS.index("Covering something")
SEED, NUM_TEXTURES = 1, 40
NUM_FRAMES, FRAMES_PER_SECOND = 50, 25
ENCODING = Encoding("mp4", "libx264", {"crf": "27", "preset": "slow", "movflags": "+faststart"})


def make_example() -> bytes:
    """Two seconds of something that is covered, as an MP4."""
    studio = Studio(SEED, num_textures=NUM_TEXTURES)
    film = studio.draw(LABEL, difficulty=0.6, short_sides=(216, 216))
    moments = (np.arange(NUM_FRAMES) + 0.5) / NUM_FRAMES
    return encode_video(list(film.frames(moments, studio.noise)), ENCODING, FRAMES_PER_SECOND)


if __name__ == "__main__":
    FILE.write_bytes(make_example())

"""Cut the example clip of the page out of a film of OpenCV's documentation.

python -m tests.helpers.recording.record_example cup.mp4

The film is doc/js_tutorials/js_assets/cup.mp4 of OpenCV 4: a hand moves a cup in front of a camera. Of its 217 frames
the example has those in which the cup comes closer.
"""

from __future__ import annotations

import sys
from pathlib import Path

from clips.decoding.decode import decode
from clips.transforms import resize
from service.api.routes.pages import WEB
from training.synthetic.video_encoder import Encoding, encode_video

FILE = WEB / "predict" / "example.mp4"
FRAMES = range(146, 217)
FRAMES_PER_SECOND = 27
WIDTH, HEIGHT = 480, 360
ENCODING = Encoding("mp4", "libx264", {"crf": "26", "preset": "slow", "movflags": "+faststart"})


def make_example(film: Path) -> bytes:
    """Return two and a half seconds of a cup that comes closer, as an MP4."""
    images = decode(film, lambda num_frames: FRAMES).images
    frames = [resize(image, width=WIDTH, height=HEIGHT) for image in images]
    return encode_video(frames, ENCODING, FRAMES_PER_SECOND)


if __name__ == "__main__":
    FILE.write_bytes(make_example(Path(sys.argv[1])))

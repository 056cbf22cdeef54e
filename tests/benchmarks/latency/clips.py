"""Clips of the benchmark: H.264 as x264 makes it, in three sizes, with a keyframe a second and with one."""

from __future__ import annotations

from tests.benchmarks.decoding.clips import X264
from tests.helpers.videos.clip_recipes import ClipRecipe

SIZES = {"340p": (340, 256, 250), "720p": (1280, 720, 200), "1080p": (1920, 1080, 150)}
"""Width, height and number of frames, at 25 a second."""
GOPS = {"a keyframe a second": 25, "one keyframe": 250}

CLIPS = tuple(
    ClipRecipe(f"{size}, {name}", options=X264, width=width, height=height, frames=frames, gop=gop)
    for size, (width, height, frames) in SIZES.items()
    for name, gop in GOPS.items()
)
BUSY = CLIPS[1:3]
"""Clips that four clients send: a small one with one keyframe, and a large one with many."""

"""Table of the cores that feed one GPU: by kind of video, for GPUs that infer so many clips a second."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tests.benchmarks.tables.markdown import table
from tests.benchmarks.tables.ray import UTILISATION

Results = Mapping[str, Any]

CLIPS_PER_SECOND = (500, 1000, 3000)
"""Of a GPU: assumed, as none was measured."""

KINDS = {
    "mjpeg 640x360": "MJPEG 640x360",
    "mpeg4 avi 340x256": "MPEG-4 AVI 340x256",
    "h264 340x256 gop 12": "H.264 340x256, keyframes every 12 frames",
    "h264 340x256 gop 250": "H.264 340x256",
    "h264 640x360 gop 150": "H.264 640x360",
    "hevc 720p gop 60": "HEVC 720p",
    "h264 720p mkv gop 250": "H.264 720p",
    "h264 1080p gop 250": "H.264 1080p",
}
"""Clips of `make bench-decode` and their titles."""


def cores(decoding: Results, load: Results) -> str:
    """Return a row for each kind of video: CPU time to decode one, and the cores for each rate.

    Args:
        decoding: Results of `make bench-decode`.
        load: Results of `make load`; its stages are the CPU time of a request besides decoding and inference.
    """
    service_ms = sum(load["stages"].values())
    decode_ms = {video["name"]: video["median_ms"]["ours"] for video in decoding["videos"]}
    heading = ("a video of", "d", *(f"{rate:,} clips/s" for rate in CLIPS_PER_SECOND))
    return table(heading, (_row(title, decode_ms[name], service_ms) for name, title in KINDS.items()))


def _row(title: str, decode_ms: float, service_ms: float) -> Sequence[str]:
    needed = (math.ceil(round(rate * (decode_ms + service_ms) / 1000 / UTILISATION, 6)) for rate in CLIPS_PER_SECOND)
    return (title, f"{decode_ms:.0f} ms", *(f"{count:,} cores" for count in needed))

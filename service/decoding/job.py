"""A decode job: one video and all that its decoding is to keep to and to return."""

from __future__ import annotations

import os
from dataclasses import dataclass

from clips.clip_spec import ClipSpec
from clips.decoding.limits import DecodeLimits


@dataclass(frozen=True)
class DecodeJob:
    """The argument of every decoder, sent through a pipe to workers and by value to replicas on Ray.

    Args:
        video: The file's bytes, or its path.
        spec: The model's input.
        limits: Bounds of this decode.
        thumbnails: Return small JPEGs of the sampled frames as well.
        shifted: Sample a second time, half a segment later.
    """

    video: bytes | os.PathLike[str]
    spec: ClipSpec
    limits: DecodeLimits
    thumbnails: bool = False
    shifted: bool = False

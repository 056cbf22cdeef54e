"""A video becomes what the model takes, and what the answer tells about the video; no model is needed for it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clips.bounds import Bounds
from clips.decode import decode
from clips.frames import VideoInfo
from clips.sampling import evaluation_indices
from clips.spec import ClipSpec
from clips.transform import Image, make_views, resize_short_side

THUMBNAIL_SHORT_SIDE = 160
"""Pixels: enough to recognise, eight of them well under 100 kB."""


@dataclass(frozen=True)
class ModelInput:
    """The T sampled frames of one video as V views: `views` uint8 [V, T, crop, crop, 3], RGB.

    `times` are in seconds from the video's first frame; `thumbnails` are JPEGs, one a sampled frame, or none.
    """

    views: NDArray[np.uint8]
    video: VideoInfo
    indices: tuple[int, ...]
    times: tuple[float, ...]
    thumbnails: tuple[bytes, ...]
    packets_fed: int
    """What it took to decode them."""
    decode_seconds: float
    transform_seconds: float


def preprocess(
    video: bytes | os.PathLike[str], spec: ClipSpec, bounds: Bounds, *, thumbnails: bool = False
) -> ModelInput:
    """Decode, sample, transform. Raises clips.errors.ClipError, and OSError for a path that cannot be read."""
    started = time.perf_counter()
    clip = decode(video, lambda num_frames: evaluation_indices(num_frames, spec.num_frames), bounds)
    decoded = time.perf_counter()
    views = make_views(clip.images, spec)
    return ModelInput(
        views=views,
        video=clip.video,
        indices=clip.indices,
        times=clip.times,
        thumbnails=_thumbnails(clip.images) if thumbnails else (),
        packets_fed=clip.report.packets_fed,
        decode_seconds=decoded - started,
        transform_seconds=time.perf_counter() - decoded,
    )


def _thumbnails(images: tuple[Image, ...]) -> tuple[bytes, ...]:
    """A frame that a short clip repeats is encoded once."""
    jpeg_of = {key: _jpeg(image) for key, image in {id(image): image for image in images}.items()}
    return tuple(jpeg_of[id(image)] for image in images)


def _jpeg(image: Image) -> bytes:
    small = resize_short_side(image, THUMBNAIL_SHORT_SIDE) if min(image.shape[:2]) > THUMBNAIL_SHORT_SIDE else image
    done, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not done:
        raise RuntimeError(f"OpenCV could not encode a frame of shape {small.shape} as JPEG")
    return jpeg.tobytes()

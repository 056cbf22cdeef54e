"""Image transforms: resize, crop, normalise. All but normalisation work on uint8 RGB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec, View
from clips.decoding.frames import Image


def make_views(frames: Sequence[Image], spec: ClipSpec) -> NDArray[np.uint8]:
    """Resize and crop T frames of any size to a model's input.

        make_views(clip.images, ClipSpec())    # uint8 [1, 8, 224, 224, 3]

    `frames` are uint8 [H, W, 3]; the result is uint8 [V, T, crop, crop, 3] with V = `spec.num_views`. Frames that are
    the same object, as in a short clip, are transformed once.
    """
    views_of = {id(frame): _views_of_frame(frame, spec) for frame in frames}
    by_frame = [views_of[id(frame)] for frame in frames]
    return np.stack([np.stack(view) for view in zip(*by_frame, strict=True)])


def normalise(views: NDArray[np.uint8], spec: ClipSpec) -> NDArray[np.float32]:
    """Normalise uint8 [..., H, W, 3] to float32 [..., 3, H, W] with the spec's mean and std.

    Exported graphs and training normalise on their own; this is the reference that they are compared with.
    """
    scaled = (views.astype(np.float32) - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    return np.ascontiguousarray(np.moveaxis(scaled, -1, -3), dtype=np.float32)


def resize(image: Image, *, width: int, height: int) -> Image:
    """Resize with OpenCV's fixed-point bilinear interpolation, without antialiasing, as MMAction2 does in training."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def resize_short_side(image: Image, short_side: int) -> Image:
    """Resize to a short side in pixels; both sides round half up. MMAction2: `Resize(scale=(-1, short_side))`."""
    height, width = image.shape[:2]
    factor = short_side / min(height, width)
    return resize(image, width=int(width * factor + 0.5), height=int(height * factor + 0.5))


def centre_crop(image: Image, side: int) -> Image:
    """Crop the central square. MMAction2: `CenterCrop(side)`."""
    height, width = image.shape[:2]
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def three_crops(image: Image, side: int) -> list[Image]:
    """Crop the first, last and middle square along the long side. MMAction2: `ThreeCrop(side)`.

    An odd margin leaves the last square one pixel short of the border, as in MMAction2.
    """
    height, width = image.shape[:2]
    step_y, step_x = (height - side) // 2, (width - side) // 2
    corners = [(step_y * k, step_x * k) for k in (0, 2, 1)]
    return [image[top : top + side, left : left + side] for top, left in corners]


def _views_of_frame(frame: Image, spec: ClipSpec) -> Iterable[Image]:
    match spec.view:
        case View.SQUEEZE:
            return [resize(frame, width=spec.crop, height=spec.crop)]
        case View.CENTRE:
            return [centre_crop(resize_short_side(frame, spec.short_side), spec.crop)]
        case View.THREE:
            return three_crops(resize_short_side(frame, spec.crop), spec.crop)

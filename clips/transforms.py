"""Image transforms: resize, crop, normalise. All but normalisation work on uint8 RGB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec, View
from clips.decoding.frames import Image


def make_views(frames: Sequence[Image], spec: ClipSpec) -> NDArray[np.uint8]:
    """Resize and crop the frames of one or more clips, of any size, to a model's input.

        make_views(clip.images, ClipSpec())    # uint8 [1, 8, 224, 224, 3]

    `frames` are uint8 [H, W, 3], T for each clip, one clip after the other. The result is uint8 [V, T, crop, crop, 3]:
    for each crop, the clips in turn, as MMAction2 orders them. Frames that are the same object, as in a short clip, are
    transformed once. Raises ValueError for a number of frames that is no multiple of T.
    """
    return join_views(crop_frames(frames, spec), spec)


def crop_frames(frames: Sequence[Image], spec: ClipSpec) -> NDArray[np.uint8]:
    """Resize and crop N frames, uint8 [H, W, 3], to C crops of each: uint8 [C, N, crop, crop, 3]."""
    crops_of = {id(frame): _crops_of_frame(frame, spec) for frame in frames}
    by_frame = [crops_of[id(frame)] for frame in frames]
    return np.stack([np.stack(crops) for crops in zip(*by_frame, strict=True)])


def join_views(crops: NDArray[np.uint8], spec: ClipSpec) -> NDArray[np.uint8]:
    """Divide the frames of crops [C, N, crop, crop, 3] into clips of T: views [V, T, crop, crop, 3].

    Raises ValueError for an N that is no multiple of T.
    """
    return crops.reshape(-1, spec.num_frames, *crops.shape[2:])


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


def ten_crops(image: Image, side: int) -> list[Image]:
    """Crop the corners and the centre, each followed by its mirror image. MMAction2: `TenCrop(side)`.

    The corners are top left, top right, bottom left and bottom right. As in MMAction2, a margin that is no multiple of
    4 leaves the right and the bottom crops short of the border, by up to 3 pixels.
    """
    height, width = image.shape[:2]
    step_y, step_x = (height - side) // 4, (width - side) // 4
    corners = [(step_y * y, step_x * x) for y, x in ((0, 0), (0, 4), (4, 0), (4, 4), (2, 2))]
    crops = [image[top : top + side, left : left + side] for top, left in corners]
    return [each for crop in crops for each in (crop, crop[:, ::-1])]


def _crops_of_frame(frame: Image, spec: ClipSpec) -> Iterable[Image]:
    match spec.view:
        case View.SQUEEZE:
            return [resize(frame, width=spec.crop, height=spec.crop)]
        case View.CENTRE:
            return [centre_crop(resize_short_side(frame, spec.short_side), spec.crop)]
        case View.THREE:
            return three_crops(resize_short_side(frame, spec.crop), spec.crop)
        case View.TEN:
            return ten_crops(resize_short_side(frame, spec.short_side), spec.crop)

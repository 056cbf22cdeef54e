"""Cut-outs: textured shapes with an alpha channel, the objects that move in a scene."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clips.decoding.frames import Image
from training.synthetic.textures import TexturePool

CUTOUT_SIDE = 160
"""Side of a cut-out in pixels; the shape fills most of it."""

Cutout = NDArray[np.uint8]
"""uint8 [H, W, 4]: RGB already multiplied by alpha, then alpha."""


def make_cutout(textures: TexturePool, rng: np.random.Generator) -> Cutout:
    """Make a random shape with a texture, sometimes a part of another texture, an outline or a soft edge."""
    image = _crop(textures.draw(rng), rng)
    if rng.random() < 0.6:
        _paint_part(image, textures, rng)
    shape = _blob(rng) if rng.random() < 0.55 else _polygon(rng)
    alpha = np.zeros((CUTOUT_SIDE, CUTOUT_SIDE), np.uint8)
    cv2.fillPoly(alpha, [shape], 255, lineType=cv2.LINE_AA)
    if rng.random() < 0.25:
        cv2.polylines(image, [shape], True, rng.uniform(0, 255, 3).tolist(), int(rng.integers(2, 9)))
    if rng.random() < 0.5:
        alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.6, 3)), np.uint8)
    return cut_out(image, alpha)


def cut_out(image: Image, alpha: NDArray[np.uint8]) -> Cutout:
    """Combine RGB [H, W, 3] and alpha [H, W] to a cut-out."""
    share = alpha[..., None].astype(np.uint16)
    premultiplied = (image * share + 127) // 255
    return np.dstack([premultiplied.astype(np.uint8), alpha])


def _crop(texture: Image, rng: np.random.Generator) -> Image:
    side = int(rng.integers(60, texture.shape[0]))
    top, left = rng.integers(0, texture.shape[0] - side + 1, 2)
    square = texture[top : top + side, left : left + side]
    return np.asarray(cv2.resize(square, (CUTOUT_SIDE, CUTOUT_SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)


def _paint_part(image: Image, textures: TexturePool, rng: np.random.Generator) -> None:
    """Paint an ellipse with another texture, so that the orientation is visible."""
    part = np.zeros((CUTOUT_SIDE, CUTOUT_SIDE), np.uint8)
    centre = rng.uniform(0.2, 0.8, 2) * CUTOUT_SIDE
    axes = rng.uniform(0.12, 0.4, 2) * CUTOUT_SIDE
    turn = float(rng.uniform(0, 180))
    cv2.ellipse(part, (centre.tolist(), (2 * axes).tolist(), turn), 255, cv2.FILLED)
    image[part > 0] = _crop(textures.draw(rng), rng)[part > 0]


def _blob(rng: np.random.Generator) -> NDArray[np.int32]:
    """Make a closed curve of a few random harmonics."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = np.ones_like(angles)
    for harmonic in range(2, 6):
        radius += rng.normal(0, 0.3 / harmonic) * np.cos(harmonic * angles + rng.uniform(0, 2 * np.pi))
    return _fit(np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.maximum(radius, 0.2)[:, None], rng)


def _polygon(rng: np.random.Generator) -> NDArray[np.int32]:
    corners = rng.choice([3, 4, 4, 4, 5, 6, 8])
    jitter = rng.uniform(-0.25, 0.25, corners) if rng.random() < 0.5 else np.zeros(corners)
    angles = (np.arange(corners) + 0.5 + jitter) * 2 * np.pi / corners
    return _fit(np.stack([np.cos(angles), np.sin(angles)], axis=1), rng)


def _fit(points: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int32]:
    """Stretch to a random aspect ratio, rotate, and scale to fill the cut-out's square."""
    stretched = points * [1, rng.uniform(0.45, 1)]
    turn = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
    turned = stretched @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray((turned / np.abs(turned).max() * 0.48 + 0.5) * CUTOUT_SIDE, np.int32)

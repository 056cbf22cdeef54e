"""Procedural textures: dead leaves, clouds, stripes and shading.

"Dead leaves" (occluding shapes with a power-law distribution of sizes) have the edge and scale statistics of natural
images, so that a network trained on them generalises to real footage.
"""

from __future__ import annotations

import cv2
import numpy as np

from clips.decoding.frames import Image

TEXTURE_SIDE = 320
"""Side of a texture in pixels."""


class TexturePool:
    """A pool of textures, one of which is replaced every `draws_per_renewal` draws: drawing is cheap."""

    def __init__(self, rng: np.random.Generator, size: int = 160, draws_per_renewal: int = 50) -> None:
        self._textures = [make_texture(rng) for _ in range(size)]
        self._draws_per_renewal = draws_per_renewal
        self._draws = 0

    def draw(self, rng: np.random.Generator) -> Image:
        """Draw a texture of the pool, randomly mirrored and recoloured: uint8 [TEXTURE_SIDE, TEXTURE_SIDE, 3]."""
        self._draws += 1
        if self._draws % self._draws_per_renewal == 0:
            self._textures[rng.integers(len(self._textures))] = make_texture(rng)
        texture = self._textures[rng.integers(len(self._textures))]
        mirrored = np.asarray(cv2.flip(texture, int(rng.integers(-1, 2))), np.uint8)
        return _recolour(mirrored, rng)


def make_texture(rng: np.random.Generator) -> Image:
    """Make a random texture, uint8 [TEXTURE_SIDE, TEXTURE_SIDE, 3]."""
    canvas = _clouds(rng, roughness=rng.uniform(0.4, 0.75), contrast=rng.uniform(10, 70), base=_colour(rng))
    kind = rng.random()
    if kind < 0.65:
        _scatter_leaves(canvas, rng)
    elif kind < 0.8:
        canvas = _stripe(canvas, rng)
    shaded = canvas * _side_light(rng)
    grain = _clouds(rng, roughness=0.9, contrast=rng.uniform(0, 14), base=np.zeros(3))
    return np.asarray(np.clip(shaded + grain, 0, 255), np.uint8)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """Draw an RGB colour, mostly muted as in photographs."""
    return np.clip(rng.uniform(20, 235) + rng.normal(0, rng.choice([6, 15, 45]), 3), 0, 255)


def _clouds(rng: np.random.Generator, *, roughness: float, contrast: float, base: np.ndarray) -> np.ndarray:
    """Make float32 noise of several octaves, each `roughness` times as strong as the coarser one."""
    total = np.zeros((TEXTURE_SIDE, TEXTURE_SIDE, 3), np.float32)
    strength = 1.0
    for cells in (3, 6, 12, 24, 48, 96, 192):
        octave = rng.standard_normal((cells, cells, 3), np.float32)
        octave = 0.7 * octave.mean(axis=2, keepdims=True) * 1.7 + 0.3 * octave
        total += strength * cv2.resize(octave, (TEXTURE_SIDE, TEXTURE_SIDE), interpolation=cv2.INTER_CUBIC)
        strength *= roughness
    return np.asarray(base + contrast * total / total.std(), np.float32)


def _scatter_leaves(canvas: np.ndarray, rng: np.random.Generator) -> None:
    palette = [_colour(rng) for _ in range(rng.integers(3, 10))]
    largest = rng.uniform(30, 110)
    for share in np.sort(rng.random(rng.integers(20, 160)))[::-1]:
        radius = 4 + largest * share**3
        centre = rng.uniform(0, TEXTURE_SIDE, 2)
        colour = palette[rng.integers(len(palette))] + rng.normal(0, 12, 3)
        outline = _leaf(rng, centre, radius)
        cv2.fillPoly(canvas, [outline], colour.tolist(), lineType=cv2.LINE_AA if radius > 10 else cv2.LINE_8)
        if rng.random() < 0.3:
            cv2.polylines(canvas, [outline], True, (colour * 0.5).tolist(), 1)


def _leaf(rng: np.random.Generator, centre: np.ndarray, radius: float) -> np.ndarray:
    corners = rng.choice([3, 4, 4, 5, 16])
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, 2 * np.pi)
    stretched = np.stack([np.cos(angles) * rng.uniform(0.4, 1.8), np.sin(angles)], axis=1)
    turn = rng.uniform(0, np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray(centre + radius * stretched @ rotation, np.int32)


def _stripe(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add stripes, or a chequerboard with stripes in a second direction."""
    rows, columns = np.mgrid[:TEXTURE_SIDE, :TEXTURE_SIDE].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(8, 70)
    wave = np.sin((columns * np.cos(angle) + rows * np.sin(angle)) * 2 * np.pi / period)
    if rng.random() < 0.5:
        wave *= np.sin((rows * np.cos(angle) - columns * np.sin(angle)) * 2 * np.pi / period)
    bands = np.clip(wave * rng.uniform(1, 8), -1, 1)[..., None] * rng.normal(0, 40, 3)
    return np.asarray(canvas + bands, np.float32)


def _side_light(rng: np.random.Generator) -> np.ndarray:
    ramp = np.linspace(-1, 1, TEXTURE_SIDE, dtype=np.float32)
    across, down = rng.uniform(-0.3, 0.3, 2)
    return np.asarray(1 + across * ramp[None, :, None] + down * ramp[:, None, None], np.float32)


def _recolour(texture: Image, rng: np.random.Generator) -> Image:
    """Change contrast, brightness and white balance by one look-up table per channel."""
    levels = np.arange(256, dtype=np.float32)
    contrast, brightness = rng.uniform(0.5, 1.3), rng.uniform(-45, 45)
    balance = rng.uniform(0.8, 1.2, 3)
    tables = np.clip(((levels - 128) * contrast + 128 + brightness)[:, None] * balance, 0, 255)
    channels = cv2.cvtColor(texture, cv2.COLOR_RGB2BGR) if rng.random() < 0.5 else texture
    return np.asarray(cv2.LUT(channels, tables[None].astype(np.uint8)), np.uint8)

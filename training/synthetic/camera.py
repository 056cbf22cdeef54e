"""Camera model: blur, noise, tone curve and JPEG compression of a rendered image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clips.decoding.frames import Image

NOISE_SIDE = 512


def make_noise(rng: np.random.Generator) -> NDArray[np.int8]:
    """Make unit noise times 32, int8 [NOISE_SIDE, NOISE_SIDE, 3], from which every frame takes a random part."""
    return np.asarray(np.clip(rng.standard_normal((NOISE_SIDE, NOISE_SIDE, 3), np.float32) * 32, -127, 127), np.int8)


@dataclass(frozen=True)
class Camera:
    """One clip's camera: `blur` in pixels, `noise` in grey levels, a tone curve uint8 [256], a JPEG quality or None."""

    blur: float
    noise: float
    tones: NDArray[np.uint8]
    jpeg_quality: int | None

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float) -> Camera:
        """Draw a random camera; `strength` is from 0 (perfect) to 1 (a bad phone camera)."""
        levels = np.linspace(0, 1, 256) ** rng.uniform(1 - 0.35 * strength, 1 + 0.5 * strength)
        contrast = 1 + strength * rng.uniform(-0.3, 0.2)
        return cls(
            blur=strength * rng.uniform(0.3, 1.4) if rng.random() < 0.35 else 0.0,
            noise=strength * rng.uniform(1, 12) if rng.random() < 0.5 else 0.0,
            tones=np.clip((levels - 0.5) * contrast * 255 + 127.5, 0, 255).astype(np.uint8),
            jpeg_quality=int(rng.uniform(12, 80)) if rng.random() < 0.5 * strength else None,
        )

    def apply(self, image: Image, noise: NDArray[np.int8], rng: np.random.Generator) -> Image:
        """Degrade an image, uint8 [H, W, 3], as the camera would."""
        seen = np.asarray(cv2.LUT(image, self.tones), np.uint8)
        if self.blur:
            seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), self.blur), np.uint8)
        if self.noise:
            seen = _add_noise(seen, noise, self.noise, rng)
        if self.jpeg_quality is not None:
            seen = _through_jpeg(seen, self.jpeg_quality)
        return seen


def _through_jpeg(image: Image, quality: int) -> Image:
    _, stored = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)


def _add_noise(image: Image, noise: NDArray[np.int8], strength: float, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    top = rng.integers(0, max(1, NOISE_SIDE - height))
    left = rng.integers(0, max(1, NOISE_SIDE - width))
    part = np.resize(noise[top : top + height, left : left + width], image.shape)
    return np.asarray(np.clip(image + part * np.float32(strength / 32), 0, 255), np.uint8)

"""Scene: background, objects, motion, hand-held camera and light, rendered at any moment of the clip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clips.decoding.frames import Image
from training.synthetic.cutouts import CUTOUT_SIDE, Cutout, make_cutout
from training.synthetic.motions import MOTIONS, Motion, Pose
from training.synthetic.textures import TEXTURE_SIDE, TexturePool


@dataclass(frozen=True)
class Timing:
    """Timing of the motion: pauses at both ends and easing; `backwards` reverses the whole clip."""

    start: float
    end: float
    curve: float
    ease: float
    backwards: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, *, backwards: bool, longest_pause: float = 0.3) -> Timing:
        """Draw a random timing; half of the ends have no pause."""
        pauses = rng.uniform(0, longest_pause, 2) * (rng.random(2) < 0.5)
        curve = float(np.exp(rng.normal(0, 0.25)))
        return cls(pauses[0], 1 - pauses[1], curve, rng.uniform(0, 1) if rng.random() < 0.5 else 0.0, backwards)

    def clock(self, moment: float) -> float:
        """Map a moment of the clip to scene time, both from 0 to 1."""
        return 1 - moment if self.backwards else moment

    def progress(self, scene_time: float) -> float:
        """Return the motion's progress at a scene time, from 0 to 1."""
        linear = float(np.clip((scene_time - self.start) / max(self.end - self.start, 1e-3), 0, 1)) ** self.curve
        smooth = linear * linear * (3 - 2 * linear)
        return float(linear + self.ease * (smooth - linear))


@dataclass(frozen=True)
class CameraShake:
    """Shake of a hand-held camera: two slow sines each for x, y (fractions of the frame), angle (degrees), zoom."""

    amplitudes: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    phases: NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float) -> CameraShake:
        """Draw a random shake; `strength` is from 0 (a tripod) to 1 (a shaky hand)."""
        scale = np.array([0.02, 0.02, 1.5, 0.015])[:, None] * strength * rng.exponential(0.7)
        return cls(scale * rng.normal(0, 1, (4, 2)), rng.uniform(0.2, 3, (4, 2)), rng.uniform(0, 7, (4, 2)))

    def at(self, scene_time: float) -> NDArray[np.float64]:
        """Return x, y, angle and the logarithm of the zoom at a scene time."""
        return np.asarray((self.amplitudes * np.sin(self.frequencies * scene_time * 6.28 + self.phases)).sum(axis=1))


@dataclass(frozen=True)
class Light:
    """Brightness over the clip: from `dark_gain` to 1 with the motion's progress, per channel, with a slow drift."""

    dark_gain: NDArray[np.float64]
    drift: float

    def gain(self, progress: float, scene_time: float) -> NDArray[np.float64]:
        """Return one factor per channel."""
        return np.asarray(self.dark_gain ** (1 - progress) * (1 + self.drift * (scene_time - 0.5)))


@dataclass(frozen=True)
class SceneObject:
    """A cut-out with its start and end pose in the scene, before camera motion."""

    cutout: Cutout
    start: Pose
    end: Pose


@dataclass(frozen=True)
class Scene:
    """Everything that a clip shows; `render` is a pure function of the moment.

    `backgrounds` holds one image, or two with a hard cut between them at scene time `cut`.
    """

    backgrounds: tuple[Image, ...]
    cut: float
    background_size: float
    distractors: tuple[SceneObject, ...]
    objects: tuple[SceneObject, ...]
    picture_shift: tuple[float, float]
    timing: Timing
    shake: CameraShake
    light: Light

    @classmethod
    def draw(cls, label: int, textures: TexturePool, rng: np.random.Generator, difficulty: float = 1.0) -> Scene:
        """Draw a random scene.

        Args:
            label: Number of the label.
            textures: Textures of background and objects.
            rng: Source of randomness.
            difficulty: Strength of camera shake, distractors, cuts and changes of light, from 0 to 1.
        """
        motion = MOTIONS[label // 2](rng)
        is_light = motion.dark_gain < 1
        return cls(
            backgrounds=tuple(textures.draw(rng) for _ in range(2 if rng.random() < 0.15 * difficulty else 1)),
            cut=rng.uniform(0.1, 0.9),
            background_size=rng.uniform(1.0, 2.5),
            distractors=_distractors(motion, textures, rng, difficulty),
            objects=tuple(SceneObject(make_cutout(textures, rng), *way) for way in motion.objects),
            picture_shift=motion.picture_shift,
            timing=Timing.draw(rng, backwards=bool(label % 2), longest_pause=0.45 if is_light else 0.3),
            shake=CameraShake.draw(rng, difficulty),
            light=_draw_light(motion, rng, difficulty),
        )

    def render(self, moment: float, *, width: int, height: int) -> Image:
        """Render uint8 [height, width, 3] at a moment of the clip, from 0 to 1."""
        time = self.timing.clock(moment)
        progress = self.timing.progress(time)
        camera = _camera_matrix(self.shake.at(time), self.picture_shift, progress, width, height)
        background = self.backgrounds[-1] if time > self.cut else self.backgrounds[0]
        image = self._background(background, camera, width, height)
        for item in self.distractors:
            _paste(image, item.cutout, item.start.towards(item.end, time), camera)
        for item in self.objects:
            _paste(image, item.cutout, item.start.towards(item.end, progress), camera)
        return _lit(image, self.light.gain(progress, time))

    def _background(self, background: Image, camera: NDArray[np.float64], width: int, height: int) -> Image:
        scale = self.background_size * max(width, height) / TEXTURE_SIDE
        to_frame = np.array(
            [[scale, 0, (width - scale * TEXTURE_SIDE) / 2], [0, scale, (height - scale * TEXTURE_SIDE) / 2]]
        )
        matrix = camera @ np.vstack([to_frame, [0, 0, 1]])
        warped = cv2.warpAffine(background, matrix[:2], (width, height), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(warped, np.uint8)


def _camera_matrix(
    shake: NDArray[np.float64], shift: tuple[float, float], progress: float, width: int, height: int
) -> NDArray[np.float64]:
    """Return the 3x3 matrix of the camera's motion, in pixels."""
    x, y, turn, zoom = shake
    about = cv2.getRotationMatrix2D((width / 2, height / 2), turn, float(np.exp(zoom)))
    about[:, 2] += [(x + shift[0] * (progress - 0.5)) * width, (y + shift[1] * (progress - 0.5)) * height]
    return np.vstack([about, [0, 0, 1]])


def _paste(image: Image, cutout: Cutout, pose: Pose, camera: NDArray[np.float64]) -> None:
    """Blend a cut-out into the image in place, within its bounding box only."""
    height, width = image.shape[:2]
    scale = pose.size * min(width, height) / CUTOUT_SIDE
    matrix = (camera @ _placement(pose, scale, width, height))[:2]
    left, top, right, bottom = _covered_box(matrix, width, height)
    if left >= right or top >= bottom:
        return
    matrix[:, 2] -= [left, top]
    small = _shrunk(cutout, scale)
    matrix[:, :2] *= CUTOUT_SIDE / small.shape[0]
    warped = cv2.warpAffine(small, matrix, (right - left, bottom - top))
    region = image[top:bottom, left:right]
    region[:] = warped[..., :3] + ((region * (255 - warped[..., 3:]).astype(np.uint16)) // 255).astype(np.uint8)


def _placement(pose: Pose, scale: float, width: int, height: int) -> NDArray[np.float64]:
    """Return the 3x3 matrix from a cut-out's pixels to the frame's, without camera motion."""
    angle = np.deg2rad(pose.angle)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    middle = CUTOUT_SIDE / 2
    x = pose.x * width - cos * middle + sin * middle
    y = pose.y * height - sin * middle - cos * middle
    return np.array([[cos, -sin, x], [sin, cos, y], [0, 0, 1]])


def _covered_box(matrix: NDArray[np.float64], width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a transformed cut-out within the frame."""
    corners = matrix @ np.array([[0, CUTOUT_SIDE, 0, CUTOUT_SIDE], [0, 0, CUTOUT_SIDE, CUTOUT_SIDE], [1, 1, 1, 1]])
    left, top = np.maximum(np.floor(corners.min(axis=1)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=1)).astype(int) + 1, [width, height])
    return int(left), int(top), int(right), int(bottom)


def _shrunk(cutout: Cutout, scale: float) -> Cutout:
    """Halve the size until the warp skips no pixels, since aliasing would make small objects flicker."""
    while scale < 0.5:
        half = (cutout.shape[1] // 2, cutout.shape[0] // 2)
        cutout = np.asarray(cv2.resize(cutout, half, interpolation=cv2.INTER_AREA), np.uint8)
        scale *= 2
    return cutout


def _lit(image: Image, gain: NDArray[np.float64]) -> Image:
    tables = np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, tables[None]), np.uint8)


def _draw_light(motion: Motion, rng: np.random.Generator, difficulty: float) -> Light:
    tint = rng.uniform(0.8, 1.25, 3) if motion.dark_gain < 1 else np.ones(3)
    return Light(motion.dark_gain * tint, drift=difficulty * rng.normal(0, 0.08))


def _distractors(
    motion: Motion, textures: TexturePool, rng: np.random.Generator, difficulty: float
) -> tuple[SceneObject, ...]:
    """Draw objects without a part in the motion: behind it, still or drifting a little."""
    count = int(rng.integers(1, 5)) if rng.random() < difficulty * 0.8 else 0
    return tuple(_distractor(motion, textures, rng) for _ in range(count))


def _distractor(motion: Motion, textures: TexturePool, rng: np.random.Generator) -> SceneObject:
    size = rng.uniform(0.08, 0.45)
    start = _clear_of_ends(motion, size, rng)
    moves = rng.random() < 0.5
    drift = rng.normal(0, 0.1, 2) * moves
    end = Pose(
        start.x + drift[0],
        start.y + drift[1],
        size * float(np.exp(rng.normal(0, 0.1) * moves)),
        start.angle + rng.normal(0, 10) * moves,
    )
    return SceneObject(make_cutout(textures, rng), start, end)


def _clear_of_ends(motion: Motion, size: float, rng: np.random.Generator) -> Pose:
    """Draw a pose away from the ends of the motion, since covering and uncovering are labels of their own."""
    ends = [pose for way in motion.objects for pose in way]
    for _ in range(8):
        x, y = rng.uniform(0, 1, 2)
        if all(np.hypot(x - end.x, y - end.y) > (size + end.size) * 0.4 for end in ends):
            break
    return Pose(x, y, size, rng.uniform(0, 360))

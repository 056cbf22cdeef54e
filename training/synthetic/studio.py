"""Studio of the demo data: rendered clips of motions, 16 labels in 8 pairs that time reversal swaps, and gestures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from clips.decoding.frames import Image
from clips.transforms import make_views
from training.synthetic.camera import Camera, make_noise
from training.synthetic.figures.gestures import GESTURES
from training.synthetic.figures.scene import FigureScene
from training.synthetic.motions import LABELS
from training.synthetic.scene import Scene
from training.synthetic.textures import TexturePool

ASPECT_RATIOS = (16 / 9, 16 / 9, 4 / 3, 4 / 3, 340 / 256, 1.0, 3 / 4, 9 / 16)


@dataclass(frozen=True)
class Film:
    """A scene filmed by a camera at a size in pixels: the content of a video."""

    scene: Scene | FigureScene
    camera: Camera
    width: int
    height: int
    seed: int

    def frames(self, moments: NDArray[np.float64], noise: NDArray[np.int8]) -> Iterator[Image]:
        """Yield uint8 [height, width, 3] for each moment of the clip, from 0 to 1."""
        rng = np.random.default_rng(self.seed)
        for moment in moments:
            yield self.camera.apply(self.scene.render(float(moment), width=self.width, height=self.height), noise, rng)

    def backwards(self) -> Film:
        """Return the film of a motion with time reversed; its label is the other one of the pair."""
        assert isinstance(self.scene, Scene)
        timing = replace(self.scene.timing, backwards=not self.scene.timing.backwards)
        return replace(self, scene=replace(self.scene, timing=timing))


class Studio:
    """Draws random films; equal seeds give equal films.

    clip, label = Studio(seed=0).draw_example(ClipSpec(crop=96, view=View.SQUEEZE), difficulty=1.0)
    """

    def __init__(self, seed: int | tuple[int, ...], *, num_textures: int = 160) -> None:
        self.rng = np.random.default_rng(seed)
        self.textures = TexturePool(self.rng, num_textures)
        self.noise = make_noise(self.rng)

    def draw(self, label: int, *, difficulty: float = 1.0, short_sides: tuple[int, int] = (96, 200)) -> Film:
        """Draw a random film of a label, with its short side in pixels within a range."""
        width, height = self._draw_size(short_sides)
        return Film(
            scene=Scene.draw(label, self.textures, self.rng, difficulty),
            camera=Camera.draw(self.rng, difficulty),
            width=width,
            height=height,
            seed=int(self.rng.integers(2**31)),
        )

    def draw_gesture(self, label: int, *, short_sides: tuple[int, int] = (96, 176)) -> Film:
        """Draw a random film of a gesture, with its short side in pixels within a range."""
        width, height = self._draw_size(short_sides)
        return Film(
            scene=FigureScene.draw(label, self.textures, self.rng, width / height),
            camera=Camera.draw(self.rng, 1.0),
            width=width,
            height=height,
            seed=int(self.rng.integers(2**31)),
        )

    def draw_example(self, spec: ClipSpec, difficulty: float) -> tuple[NDArray[np.uint8], int]:
        """Draw a training example: uint8 [T, H, W, 3], one random frame of each segment, and its label."""
        label = int(self.rng.integers(len(LABELS)))
        return self._shoot(self.draw(label, difficulty=difficulty), spec), label

    def draw_gesture_example(self, spec: ClipSpec) -> tuple[NDArray[np.uint8], int]:
        """Draw a training example of a gesture: uint8 [T, H, W, 3], and the gesture's number."""
        label = int(self.rng.integers(len(GESTURES)))
        return self._shoot(self.draw_gesture(label), spec), label

    def _shoot(self, film: Film, spec: ClipSpec) -> NDArray[np.uint8]:
        """Render one random frame of each segment."""
        moments = (np.arange(spec.num_frames) + self.rng.random(spec.num_frames)) / spec.num_frames
        frames = list(film.frames(moments, self.noise))
        return np.asarray(make_views(frames, spec)[0], np.uint8)

    def _draw_size(self, short_sides: tuple[int, int]) -> tuple[int, int]:
        """Draw width and height in pixels, both even."""
        short_side = int(self.rng.integers(short_sides[0], short_sides[1] + 1))
        ratio = self.rng.choice(ASPECT_RATIOS)
        return round(short_side * max(ratio, 1) / 2) * 2, round(short_side * max(1 / ratio, 1) / 2) * 2

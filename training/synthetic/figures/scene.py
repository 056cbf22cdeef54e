"""Scene of one or two figures before a background: one of them makes a gesture, the other may react."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np

from clips.decoding.frames import Image
from training.synthetic.figures.body import Body
from training.synthetic.figures.gestures import GESTURES, Course, Gesture, Limb, Walk, draw_goal, ease
from training.synthetic.figures.joints import Joints, stride
from training.synthetic.textures import TEXTURE_SIDE, TexturePool

GREY_SHARE = 0.3
"""Share of scenes before a faint background."""

REACTION_TIME = 0.08
"""Delay of a partner's reaction, as a share of the clip."""


@dataclass(frozen=True)
class Sway:
    """Slow sines that keep a standing figure from standing still; amplitudes in radians."""

    amplitude: float
    frequencies: tuple[float, ...]
    phases: tuple[float, ...]

    JOINTS: ClassVar = ("shoulder", "elbow", "far_shoulder", "far_elbow", "lean", "hip", "far_hip")

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Sway:
        """Draw a random sway."""
        count = len(cls.JOINTS)
        return cls(rng.uniform(0, 0.06), tuple(rng.uniform(0.3, 1.5, count)), tuple(rng.uniform(0, 7, count)))

    def at(self, moment: float) -> dict[str, float]:
        """Return the changes of the joints at a moment of the clip."""
        angles = self.amplitude * np.sin(2 * np.pi * np.array(self.frequencies) * moment + np.array(self.phases))
        return dict(zip(self.JOINTS, angles.tolist(), strict=True))


@dataclass(frozen=True)
class Figure:
    """A figure over the clip: body, rest, movement, and its way from `start` to `end`, shares of the frame's width.

    `height` is a share of the frame's; `steps` are pairs of steps in the clip, 0 for one that stands.
    """

    body: Body
    height: float
    facing: int
    start: float
    end: float
    rest: Joints
    sway: Sway
    goal: dict[str, float]
    course: Course
    steps: float
    phase: float

    def joints(self, moment: float) -> Joints:
        """Return the joints at a moment of the clip, from 0 to 1."""
        joints = self.rest.plus(self.sway.at(moment)).towards(self.goal, self.course.amount(moment))
        return joints.plus(stride(2 * np.pi * self.steps * moment + self.phase)) if self.steps else joints

    def position(self, moment: float) -> float:
        """Return the place of the hips at a moment, as a share of the frame's width."""
        return self.start + (self.end - self.start) * ease(moment)


@dataclass(frozen=True)
class FigureScene:
    """A background and the figures before it, back to front; `render` is a pure function of the moment."""

    background: Image
    background_size: float
    background_place: tuple[float, float]
    contrast: float
    shake: tuple[float, float]
    figures: tuple[Figure, ...]
    ground: float
    gain: float

    @classmethod
    def draw(cls, label: int, textures: TexturePool, rng: np.random.Generator, aspect: float) -> FigureScene:
        """Draw a random scene.

        Args:
            label: Number of the gesture in GESTURES.
            textures: Textures of the background.
            rng: Source of randomness.
            aspect: Width of the frame over its height.
        """
        ground = rng.uniform(0.8, 1.0)
        return cls(
            background=textures.draw(rng),
            background_size=rng.uniform(1.0, 2.2),
            background_place=(rng.random(), rng.random()),
            contrast=0.25 if rng.random() < GREY_SHARE else 1.0,
            shake=(rng.normal(0, 0.012) if rng.random() < 0.5 else 0.0, rng.uniform(0, 7)),
            figures=_draw_figures(GESTURES[label], rng, aspect, min(rng.uniform(0.45, 1.0), 0.95 * ground)),
            ground=ground,
            gain=rng.uniform(0.5, 1.2),
        )

    def render(self, moment: float, *, width: int, height: int) -> Image:
        """Render uint8 [height, width, 3] at a moment of the clip, from 0 to 1."""
        image = self._background(moment, width, height)
        for figure in self.figures:
            figure.body.paint(
                image,
                figure.joints(moment),
                x=figure.position(moment) * width,
                ground=self.ground * height,
                height=figure.height * height,
                facing=figure.facing,
                gain=self.gain,
            )
        return image

    def _background(self, moment: float, width: int, height: int) -> Image:
        scale = self.background_size * max(width, height) / TEXTURE_SIDE
        amplitude, phase = self.shake
        left = (width - scale * TEXTURE_SIDE) * self.background_place[0] + amplitude * width * np.sin(
            3 * moment + phase
        )
        top = (height - scale * TEXTURE_SIDE) * self.background_place[1]
        matrix = np.array([[scale, 0, left], [0, scale, top]])
        warped = cv2.warpAffine(self.background, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(cv2.convertScaleAbs(warped, alpha=self.contrast, beta=128 * (1 - self.contrast)), np.uint8)


def _draw_figures(gesture: Gesture, rng: np.random.Generator, aspect: float, height: float) -> tuple[Figure, ...]:
    """Draw the figure that makes the gesture and perhaps another that faces it, in random order of depth."""
    has_partner = gesture.walk in {Walk.APPROACH, Walk.PART} or rng.random() < 0.7
    facing, middle = int(rng.choice([-1, 1])), rng.uniform(0.35, 0.65)
    drift = facing * rng.uniform(0.4, 1.2) if gesture.walk is Walk.ACROSS else 0.0
    first, last = (0.5 * facing * distance * has_partner for distance in _distances(gesture.walk, rng, height / aspect))
    course = Course.draw(gesture.course, rng)
    actor = Figure(
        **_draw_looks(rng, height, facing),
        start=middle - first - drift / 2,
        end=middle - last + drift / 2,
        goal=draw_goal(gesture.limb, rng) if gesture.limb else {},
        course=course,
        steps=_draw_steps(gesture.walk, rng),
    )
    if not has_partner:
        return (actor,)
    walks = gesture.walk in {Walk.APPROACH, Walk.PART} and rng.random() < 0.6
    partner = Figure(
        **_draw_looks(rng, height * rng.uniform(0.85, 1.15), -facing),
        start=middle + first,
        end=middle + last,
        goal=_draw_reaction(gesture, rng),
        course=course.later(REACTION_TIME),
        steps=_draw_steps(gesture.walk if walks else Walk.NONE, rng),
    )
    return (actor, partner) if rng.random() < 0.5 else (partner, actor)


def _draw_looks(rng: np.random.Generator, height: float, facing: int) -> dict[str, Any]:
    return {
        "body": Body.draw(rng),
        "height": height,
        "facing": facing,
        "rest": Joints.draw_rest(rng),
        "sway": Sway.draw(rng),
        "phase": rng.uniform(0, 7),
    }


def _distances(walk: Walk, rng: np.random.Generator, unit: float) -> tuple[float, float]:
    """Return the distances between two figures at the start and at the end, as shares of the frame's width."""
    near, far = unit * rng.uniform(0.25, 0.5), unit * rng.uniform(0.9, 1.6)
    if walk is Walk.APPROACH:
        return far, near
    if walk is Walk.PART:
        return near, far
    standing = unit * rng.uniform(0.35, 1.2)
    return standing, standing * rng.uniform(0.85, 1.1)


def _draw_reaction(gesture: Gesture, rng: np.random.Generator) -> dict[str, float]:
    """Draw what a partner does: nothing, leaning back, or a movement of its own."""
    if gesture.limb is None or rng.random() < 0.4:
        return {}
    if rng.random() < 0.6:
        return {"lean": -rng.uniform(0.1, 0.5)}
    return draw_goal(list(Limb)[rng.integers(len(Limb))], rng)


def _draw_steps(walk: Walk, rng: np.random.Generator) -> float:
    return 0.0 if walk is Walk.NONE else rng.uniform(1.5, 3.5)

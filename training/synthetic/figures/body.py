"""Body of a figure: proportions and colours, drawn as thick lines with round ends."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clips.decoding.frames import Image
from training.synthetic.figures.joints import Joints

SHIFT = 4
"""Binary digits of the fraction in OpenCV's coordinates."""

HIDDEN_SHADE = 0.75
"""Brightness of the limbs behind the body."""

Point = NDArray[np.float64]
Colour = NDArray[np.float64]


@dataclass(frozen=True)
class Body:
    """Lengths and thicknesses as shares of the height, and colours RGB from 0 to 255."""

    torso: float
    neck: float
    head: float
    upper_arm: float
    forearm: float
    thigh: float
    shin: float
    girth: float
    limb: float
    top: Colour
    bottom: Colour
    skin: Colour
    hair: Colour
    has_sleeves: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Body:
        """Draw a random body in random clothes."""

        def about(length: float, spread: float = 0.08) -> float:
            return length * float(np.exp(rng.normal(0, spread)))

        return cls(
            torso=about(0.30),
            neck=about(0.06),
            head=about(0.075),
            upper_arm=about(0.17),
            forearm=about(0.16),
            thigh=about(0.24),
            shin=about(0.24),
            girth=about(0.13, 0.2),
            limb=about(0.055, 0.2),
            top=rng.uniform(0, 255, 3),
            bottom=rng.uniform(0, 255, 3),
            skin=rng.uniform(90, 235) * np.array([1, 0.8, 0.68]) * rng.uniform(0.9, 1.1, 3),
            hair=rng.uniform(10, 120) * np.array([1, 0.9, 0.8]),
            has_sleeves=bool(rng.random() < 0.6),
        )

    def paint(
        self, image: Image, joints: Joints, *, x: float, ground: float, height: float, facing: int, gain: float
    ) -> None:
        """Draw the figure into an image, uint8 [H, W, 3], in place.

        Args:
            image: The image.
            joints: Angles of the joints.
            x: Position of the hips in pixels.
            ground: Row of the lower foot.
            height: Height of the figure in pixels.
            facing: 1 to the right, -1 to the left.
            gain: Factor on all colours.
        """
        brush = _Brush(image, height, facing, gain)
        near, far = ((joints.hip, joints.knee), (joints.far_hip, joints.far_knee))
        hips = np.array([x, ground - max(self._reach(*near), self._reach(*far)) * height])
        shoulders = brush.end(hips, np.pi - joints.lean, self.torso)
        head = brush.end(shoulders, np.pi - 0.7 * joints.lean, self.neck + self.head)
        self._paint_arm(brush, shoulders, joints.far_shoulder, joints.far_elbow, HIDDEN_SHADE)
        self._paint_leg(brush, hips, *far, HIDDEN_SHADE)
        self._paint_leg(brush, hips, *near, 1.0)
        brush.line(hips, shoulders, self.top, self.girth)
        brush.line(shoulders, head, self.skin, self.limb)
        brush.line(head, head, self.skin, 2 * self.head)
        back = head - np.array([facing * 0.02, 0.03]) * height
        brush.line(back, back, self.hair, 1.6 * self.head)
        self._paint_arm(brush, shoulders, joints.shoulder, joints.elbow, 1.0)

    def _reach(self, hip: float, knee: float) -> float:
        """Return how far below the hips a foot is."""
        return float(np.cos(hip) * self.thigh + np.cos(hip + knee) * self.shin)

    def _paint_arm(self, brush: _Brush, shoulders: Point, shoulder: float, elbow: float, shade: float) -> None:
        bend = brush.end(shoulders, shoulder, self.upper_arm)
        hand = brush.end(bend, shoulder + elbow, self.forearm)
        brush.line(shoulders, bend, self.top * shade, self.limb)
        brush.line(bend, hand, (self.top if self.has_sleeves else self.skin) * shade, 0.85 * self.limb)
        brush.line(hand, hand, self.skin * shade, 1.1 * self.limb)

    def _paint_leg(self, brush: _Brush, hips: Point, hip: float, knee: float, shade: float) -> None:
        bend = brush.end(hips, hip, self.thigh)
        foot = brush.end(bend, hip + knee, self.shin)
        brush.line(hips, bend, self.bottom * shade, 1.4 * self.limb)
        brush.line(bend, foot, self.bottom * shade, 1.1 * self.limb)
        brush.line(foot, foot + np.array([brush.facing * 0.06 * brush.height, 0]), self.hair * shade, self.limb)


@dataclass(frozen=True)
class _Brush:
    """Draws into an image, with lengths as shares of a figure's height."""

    image: Image
    height: float
    facing: int
    gain: float

    def end(self, start: Point, angle: float, length: float) -> Point:
        """Return the end of a limb; the angle is from straight down, forward positive."""
        return start + np.array([self.facing * np.sin(angle), np.cos(angle)]) * length * self.height

    def line(self, start: Point, end: Point, colour: Colour, thickness: float) -> None:
        """Draw a line with round ends; one of no length is a disc."""
        first, last = (tuple(np.rint(point * 2**SHIFT).astype(int).tolist()) for point in (start, end))
        shown = np.clip(colour * self.gain, 0, 255).tolist()
        cv2.line(self.image, first, last, shown, max(1, round(thickness * self.height)), cv2.LINE_AA, SHIFT)

"""Motions: eight kinds, each with a pair of labels that time reversal swaps.

A motion is a function of progress from 0 to 1. Positions are fractions of the frame's width and height, sizes fractions
of its short side, angles are in degrees, clockwise in the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LABELS = (
    "Moving something from left to right",
    "Moving something from right to left",
    "Moving something up",
    "Moving something down",
    "Moving something closer to the camera",
    "Moving something away from the camera",
    "Turning something clockwise",
    "Turning something counter-clockwise",
    "Covering something",
    "Uncovering something",
    "Turning the light on",
    "Turning the light off",
    "Moving two things closer to each other",
    "Moving two things apart",
    "Turning the camera left while filming something",
    "Turning the camera right while filming something",
)
"""Label 2k + 1 is label 2k with time reversed."""


@dataclass(frozen=True)
class Pose:
    """Position of an object: its centre, the side of its square, its angle."""

    x: float
    y: float
    size: float
    angle: float = 0.0

    def towards(self, other: Pose, share: float) -> Pose:
        """Interpolate to another pose; sizes change by a constant factor, as on approach."""
        keep = 1 - share
        return Pose(
            self.x * keep + other.x * share,
            self.y * keep + other.y * share,
            self.size**keep * other.size**share,
            self.angle * keep + other.angle * share,
        )


@dataclass(frozen=True)
class Motion:
    """Start and end of every motion in a clip: objects (back to front), the whole image, and the light."""

    objects: tuple[tuple[Pose, Pose], ...] = ()
    picture_shift: tuple[float, float] = (0.0, 0.0)
    dark_gain: float = 1.0


def left_to_right(rng: np.random.Generator) -> Motion:
    """Draw a motion in which an object crosses a third of the frame or more, perhaps from or to outside it."""
    (start, end), across = _travel(rng), _lane(rng)
    size = rng.uniform(0.15, 0.6)
    return Motion(((Pose(start, across[0], size), _nudged(Pose(end, across[1], size), rng)),))


def upwards(rng: np.random.Generator) -> Motion:
    """Draw a motion in which an object crosses a third of the frame or more, from bottom to top."""
    (start, end), across = _travel(rng), _lane(rng)
    size = rng.uniform(0.15, 0.6)
    return Motion(((Pose(across[0], 1 - start, size), _nudged(Pose(across[1], 1 - end, size), rng)),))


def closer(rng: np.random.Generator) -> Motion:
    """Draw a motion in which an object grows to 1.5 to 5 times its size, almost in place."""
    far = Pose(rng.uniform(0.25, 0.75), rng.uniform(0.25, 0.75), rng.uniform(0.1, 0.45))
    near = min(far.size * rng.uniform(1.5, 5), 1.5)
    drift = rng.uniform(-0.13, 0.13, 2)
    return Motion(((far, Pose(far.x + drift[0], far.y + drift[1], near, rng.uniform(-15, 15))),))


def clockwise(rng: np.random.Generator) -> Motion:
    """Draw a motion in which an object rotates about its centre, by less than the frame rate aliases."""
    start = Pose(rng.uniform(0.25, 0.75), rng.uniform(0.25, 0.75), rng.uniform(0.2, 1.0), rng.uniform(0, 360))
    drift = rng.uniform(-0.08, 0.08, 2)
    size = start.size * rng.uniform(0.88, 1.14)
    return Motion(((start, Pose(start.x + drift[0], start.y + drift[1], size, start.angle + rng.uniform(50, 240))),))


def covering(rng: np.random.Generator) -> Motion:
    """Draw a motion in which a larger object slides over a smaller one, from beside it or from outside the frame."""
    hidden = Pose(rng.uniform(0.25, 0.75), rng.uniform(0.25, 0.75), rng.uniform(0.14, 0.42))
    cover = hidden.size * rng.uniform(1.25, 2.2)
    direction = rng.choice([0, 0.5, 1, 1.5]) * np.pi + rng.normal(0, 0.2) if rng.random() < 0.7 else rng.uniform(0, 7)
    distance = (hidden.size + cover) / 2 * rng.uniform(0.85, 1.1) + rng.uniform(0, 0.45)
    rest = rng.normal(0, 0.04, 2)
    end = Pose(hidden.x + rest[0], hidden.y + rest[1], cover, rng.uniform(-20, 20))
    start = Pose(end.x + np.cos(direction) * distance, end.y + np.sin(direction) * distance, cover)
    return Motion(((hidden, hidden), (start, end)))


def light_on(rng: np.random.Generator) -> Motion:
    """Draw a clip in which nothing moves and the image becomes bright."""
    still = [_anywhere(rng, rng.uniform(0.15, 0.6)) for _ in range(rng.integers(0, 3))]
    return Motion(tuple((pose, pose) for pose in still), dark_gain=rng.uniform(0.04, 0.5))


def two_closer(rng: np.random.Generator) -> Motion:
    """Draw a motion in which two objects meet, mostly horizontally; one may move most of the way."""
    sizes = rng.uniform(0.15, 0.45, 2)
    tilt = rng.normal(0, 0.15) if rng.random() < 0.6 else rng.uniform(0, np.pi)
    axis = np.array([np.cos(tilt), np.sin(tilt)]) * rng.choice([-1, 1])
    touching = sizes.mean() * rng.uniform(0.6, 1.15)
    apart = touching + rng.uniform(0.3, 0.65)
    meeting = rng.uniform(0.35, 0.65, 2)
    reach = np.array([0.0, 1.0]) - rng.uniform(0.1, 0.9)
    ends = reach * touching
    starts = reach * touching + np.array([-1, 1]) * np.abs(reach) * (apart - touching)
    return Motion(tuple(_along(meeting, axis, starts[i], ends[i], sizes[i], rng) for i in (0, 1)))


def picture_right(rng: np.random.Generator) -> Motion:
    """Draw a motion of the camera to the left: everything in the image moves right."""
    still = [_anywhere(rng, rng.uniform(0.15, 0.6)) for _ in range(rng.integers(0, 4))]
    objects = tuple((pose, pose) for pose in still)
    return Motion(objects, picture_shift=(rng.uniform(0.2, 1.0), rng.uniform(-0.1, 0.1)))


MOTIONS: tuple[Callable[[np.random.Generator], Motion], ...] = (
    left_to_right,
    upwards,
    closer,
    clockwise,
    covering,
    light_on,
    two_closer,
    picture_right,
)
"""The motion of each pair of labels, for its even label."""


def _travel(rng: np.random.Generator) -> tuple[float, float]:
    start = rng.uniform(-0.2, 0.45)
    return start, min(start + rng.uniform(0.35, 1.2), 1.25)


def _lane(rng: np.random.Generator) -> tuple[float, float]:
    middle, drift = rng.uniform(0.2, 0.8), rng.uniform(-0.09, 0.09)
    return middle - drift, middle + drift


def _anywhere(rng: np.random.Generator, size: float) -> Pose:
    return Pose(rng.uniform(0.05, 0.95), rng.uniform(0.05, 0.95), size, rng.uniform(0, 360))


def _nudged(pose: Pose, rng: np.random.Generator) -> Pose:
    return Pose(pose.x, pose.y, pose.size * rng.uniform(0.8, 1.25), pose.angle + rng.uniform(-25, 25))


def _along(
    origin: np.ndarray, axis: np.ndarray, start: float, end: float, size: float, rng: np.random.Generator
) -> tuple[Pose, Pose]:
    first, last = origin + axis * start, origin + axis * end
    return Pose(first[0], first[1], size), _nudged(Pose(last[0], last[1], size), rng)

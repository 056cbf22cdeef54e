"""Gestures of figures: a limb that moves along a course, or a way of walking. They are classes of training only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np


class Limb(StrEnum):
    """Limbs that move, each towards a random goal."""

    ARM = "arm"
    FAR_ARM = "far arm"
    BOTH_ARMS = "both arms"
    LEG = "leg"
    UPPER_BODY = "upper body"
    KNEES = "knees"


class CourseKind(StrEnum):
    """Courses of a movement over the clip."""

    OUT = "out"
    BACK = "back"
    STROKE = "stroke"
    REPEATED = "repeated"


class Walk(StrEnum):
    """Ways of two figures, or of one that walks across the picture."""

    APPROACH = "approach"
    PART = "part"
    ACROSS = "across"
    NONE = "none"


@dataclass(frozen=True)
class Gesture:
    """A limb and the course of its movement, or a way of walking."""

    limb: Limb | None = None
    course: CourseKind = CourseKind.OUT
    walk: Walk = Walk.NONE


GESTURES = (
    *(Gesture(limb, course) for limb in Limb for course in CourseKind),
    *(Gesture(walk=walk) for walk in Walk),
)
"""All gestures, in the order of their numbers; the last is to stand."""


@dataclass(frozen=True)
class Course:
    """Amount of a movement over the clip, from 0 to 1: out and stays, back to rest, out and back, or several times."""

    kind: CourseKind
    start: float
    end: float
    peak: float
    repetitions: float

    @classmethod
    def draw(cls, kind: CourseKind, rng: np.random.Generator) -> Course:
        """Draw a course; half of the strokes are short."""
        start, end = rng.uniform(0, 0.35), rng.uniform(0.6, 1)
        if kind is CourseKind.STROKE and rng.random() < 0.5:
            middle, half = rng.uniform(0.3, 0.7), rng.uniform(0.15, 0.3)
            start, end = middle - half, middle + half
        return cls(kind, start, end, rng.uniform(0.35, 0.65), rng.uniform(2, 4))

    def later(self, delay: float) -> Course:
        """Return the same course some time later, as a share of the clip."""
        return replace(self, start=self.start + delay, end=self.end + delay)

    def amount(self, moment: float) -> float:
        """Return the amount at a moment of the clip, both from 0 to 1."""
        progress = (moment - self.start) / (self.end - self.start)
        match self.kind:
            case CourseKind.OUT:
                return ease(progress)
            case CourseKind.BACK:
                return 1 - ease(progress)
            case CourseKind.STROKE:
                return ease(min(progress / self.peak, (1 - progress) / (1 - self.peak)))
            case CourseKind.REPEATED:
                return 0.5 - 0.5 * float(np.cos(2 * np.pi * self.repetitions * np.clip(progress, 0, 1)))


def ease(share: float) -> float:
    """Map a share, clipped to 0 to 1, to one that starts and ends slowly."""
    clipped = float(np.clip(share, 0, 1))
    return clipped * clipped * (3 - 2 * clipped)


def draw_goal(limb: Limb, rng: np.random.Generator) -> dict[str, float]:
    """Draw the joints that a limb moves to, in radians."""
    match limb:
        case Limb.LEG:
            return {"hip": rng.uniform(0.8, 1.7), "knee": -rng.uniform(0, 0.9), "lean": -rng.uniform(0, 0.35)}
        case Limb.UPPER_BODY:
            arms = {"shoulder": rng.uniform(0.2, 0.8), "far_shoulder": rng.uniform(0.2, 0.8)}
            return {"lean": rng.uniform(0.5, 1.3), **arms}
        case Limb.KNEES:
            bent = rng.uniform(0.7, 1.2)
            legs = {"hip": bent, "knee": -1.9 * bent, "far_hip": 0.9 * bent, "far_knee": -1.8 * bent}
            return {**legs, "lean": rng.uniform(0.2, 0.5)}
    shoulder, elbow = _arm_goal(rng)
    near = {"shoulder": shoulder, "elbow": elbow}
    if limb is Limb.ARM:
        return near
    if limb is Limb.FAR_ARM:
        return {"far_shoulder": shoulder, "far_elbow": elbow, "lean": rng.uniform(0.1, 0.4)}
    return {**near, "far_shoulder": shoulder + rng.normal(0, 0.12), "far_elbow": elbow + rng.normal(0, 0.12)}


def _arm_goal(rng: np.random.Generator) -> tuple[float, float]:
    """Draw shoulder and elbow of an arm that is stretched forward, raised, or bent before the body."""
    ways = (((1.1, 1.9), (0.0, 0.4)), ((1.6, 2.9), (0.0, 1.2)), ((0.6, 1.4), (0.8, 1.8)))
    shoulder, elbow = ways[rng.choice(3, p=(0.5, 0.3, 0.2))]
    return rng.uniform(*shoulder), rng.uniform(*elbow)

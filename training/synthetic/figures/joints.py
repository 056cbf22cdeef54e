"""Joint angles of a figure that is seen from the side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Joints:
    """Angles in radians from hanging straight down, forward positive; elbows and knees relative to the upper limb.

    `lean` is the angle of the upper body from upright. The far limbs are those behind the body.
    """

    lean: float = 0.0
    shoulder: float = 0.0
    elbow: float = 0.0
    far_shoulder: float = 0.0
    far_elbow: float = 0.0
    hip: float = 0.0
    knee: float = 0.0
    far_hip: float = 0.0
    far_knee: float = 0.0

    @classmethod
    def draw_rest(cls, rng: np.random.Generator) -> Joints:
        """Draw the joints of a figure that stands, arms hanging or a little bent."""
        return cls(
            lean=rng.normal(0, 0.06),
            shoulder=rng.normal(0.1, 0.25),
            elbow=0.25 + abs(rng.normal(0, 0.25)),
            far_shoulder=rng.normal(-0.1, 0.25),
            far_elbow=0.25 + abs(rng.normal(0, 0.25)),
            hip=rng.normal(0.12, 0.12),
            knee=-abs(rng.normal(0, 0.12)),
            far_hip=rng.normal(-0.12, 0.12),
            far_knee=-abs(rng.normal(0, 0.12)),
        )

    def towards(self, goal: Mapping[str, float], share: float) -> Joints:
        """Interpolate the joints that a goal names; `share` is from 0 (here) to 1 (there)."""
        angles = asdict(self)
        return Joints(**angles | {name: angles[name] * (1 - share) + angle * share for name, angle in goal.items()})

    def plus(self, changes: Mapping[str, float]) -> Joints:
        """Add angles to the joints that are named."""
        angles = asdict(self)
        return Joints(**angles | {name: angles[name] + change for name, change in changes.items()})


def stride(phase: float) -> dict[str, float]:
    """Return the changes of the joints at a phase of walking, in radians; 2 pi is two steps."""
    swing = 0.45 * float(np.sin(phase))
    return {
        "hip": swing,
        "far_hip": -swing,
        "knee": -0.8 * max(0.0, -swing),
        "far_knee": -0.8 * max(0.0, swing),
        "shoulder": -0.6 * swing,
        "far_shoulder": 0.6 * swing,
    }

"""Learning-rate schedules: a factor for every step, which multiplies each parameter group's own rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from training.recipes.schema import CosineSchedule, LinearSchedule, ScheduleSection, StepsSchedule


@dataclass(frozen=True)
class RunLength:
    """Length of a run in epochs and steps."""

    epochs: int
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.epochs * self.steps_per_epoch


def rate_factor(schedule: ScheduleSection, step: int, length: RunLength) -> float:
    """Return the factor on the learning rates at a step, counted from the run's first, 0."""
    match schedule:
        case CosineSchedule():
            return _cosine(schedule, step, length) * _warmup(schedule, step, length.steps_per_epoch)
        case StepsSchedule():
            epoch = step // length.steps_per_epoch
            return float(schedule.factor ** sum(milestone <= epoch for milestone in schedule.epochs))
        case LinearSchedule():
            rise = min(1.0, (step + 1) / (schedule.warmup_steps + 1))
            return rise * min(1.0, (1 - step / length.steps) / (1 - schedule.decay_from))


def _cosine(schedule: CosineSchedule, step: int, length: RunLength) -> float:
    """Half a cosine from 1 to the floor, reached at the run's end. MMCV: `CosineAnnealingLrUpdaterHook`."""
    share = step // length.steps_per_epoch / length.epochs if schedule.by == "epoch" else step / length.steps
    return schedule.floor + (1 - schedule.floor) * (1 + math.cos(math.pi * share)) / 2


def _warmup(schedule: CosineSchedule, step: int, steps_per_epoch: int) -> float:
    """Linear warm-up from `warmup_from` to 1."""
    steps = schedule.warmup_epochs * steps_per_epoch
    return 1.0 if step >= steps else 1 - (1 - schedule.warmup_from) * (1 - step / steps)

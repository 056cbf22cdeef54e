"""Budget of a fine-tuning run: the side of its input and its epochs, from the clips and a time limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from clips.video_info import VideoInfo
from training.finetune.defaults import (
    EPOCHS_TIMES_ROOT,
    MAX_EPOCHS,
    MIN_EPOCHS,
    SIDE_OF_SHORT_SIDE,
    SIDES,
    TRAINING_SHARE,
)

LONGEST_WINDOW = 600.0
"""Longest window of a timeline in seconds, as the service takes it."""


@dataclass(frozen=True)
class Budget:
    """Side of the input in pixels, epochs, and the reason for them in words."""

    side: int
    epochs: int
    reason: str


@dataclass(frozen=True)
class BudgetLimits:
    """A time limit in minutes, and what the user chose already."""

    minutes: float
    side: int | None = None
    epochs: int | None = None


def choose_budget(
    short_side: int, num_clips: int, limits: BudgetLimits, seconds_per_clip: Callable[[int], float]
) -> Budget:
    """Choose the largest side that the clips deserve and whose epochs fit into the time limit.

        choose_budget(240, 14, BudgetLimits(minutes=15), seconds_per_clip=lambda side: 0.05)

    Args:
        short_side: Typical short side of the clips in pixels.
        num_clips: Clips to train with.
        limits: The time limit, and a side or epochs that are given.
        seconds_per_clip: Measures the seconds that training takes for a clip, by side.
    """
    wanted = wanted_side(short_side)
    epochs = limits.epochs or wanted_epochs(num_clips)
    candidates = [limits.side] if limits.side else [side for side in reversed(SIDES) if side <= wanted]
    available = limits.minutes * 60 * TRAINING_SHARE
    seconds = 0.0
    for side in candidates:
        seconds = seconds_per_clip(side) * num_clips
        if seconds * epochs <= available:
            break
    fitting = limits.epochs or max(1, min(epochs, int(available / seconds)))
    return Budget(side, fitting, _explain(side, wanted, short_side, fitting, epochs, seconds * fitting, limits))


def wanted_side(short_side: int) -> int:
    """Return the largest of SIDES that clips of a short side in pixels deserve; at least the smallest."""
    return max(side for side in SIDES if side <= max(SIDES[0], short_side * SIDE_OF_SHORT_SIDE))


def wanted_epochs(num_clips: int) -> int:
    """Return the epochs for a number of clips: fewer for more, though all of them together see more."""
    return max(MIN_EPOCHS, min(MAX_EPOCHS, round(EPOCHS_TIMES_ROOT / math.sqrt(num_clips))))


def typical_short_side(videos: Iterable[VideoInfo]) -> int:
    """Return the median short side in pixels."""
    return int(median(min(video.width, video.height) for video in videos))


def typical_seconds(videos: Iterable[VideoInfo]) -> float:
    """Return the median length in seconds, to a tenth, from a tenth to LONGEST_WINDOW."""
    return min(LONGEST_WINDOW, max(0.1, round(median(video.duration_seconds for video in videos), 1)))


def _explain(
    side: int, wanted: int, short_side: int, epochs: int, wanted_epochs: int, seconds: float, limits: BudgetLimits
) -> str:
    if limits.side:
        why = "the side as given"
    elif side < wanted:
        why = f"{wanted} would suit clips of {short_side} pixels, but takes longer than {limits.minutes:g} minutes"
    else:
        why = f"for clips of {short_side} pixels"
    shorter = f", {epochs} instead of {wanted_epochs} epochs to keep to the limit" if epochs < wanted_epochs else ""
    return f"{why}{shorter}; about {_in_words(seconds)} of training, limit {limits.minutes:g} minutes"


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"

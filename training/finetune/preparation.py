"""Preparation of a fine-tuning run: its clips are read, checked and split, and its lists and recipe written."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from training.engine.device import find_device
from training.finetune.budget import Budget, BudgetLimits, choose_budget, typical_short_side
from training.finetune.clips_given import ClipsGiven, left_out, usable_given
from training.finetune.defaults import FEW_CLIPS
from training.finetune.events import ClipsCounted, Listener, Note, Planned, Stage
from training.finetune.recipe_writer import recipe_of, write_recipe
from training.finetune.run import RECIPE_FILE, Run, RunSettings, save_settings, save_videos
from training.finetune.start import Start
from training.finetune.step_timer import StepTimer
from training.lists.checked_clips import CheckedClip, UsableClips, check_clips
from training.lists.clip_set import clips_per_class
from training.lists.make_lists import write_splits, write_unreadable
from training.lists.splits import Split, split_clips

SECONDS_BETWEEN_LINES = 5.0


@dataclass(frozen=True)
class Wishes:
    """Choices of the user: the model's name, limits, share of validation, seed, mirroring, threads of torch."""

    name: str
    limits: BudgetLimits
    val_share: float
    seed: int
    mirror: bool
    threads: int


def read_usable(given: ClipsGiven, wishes: Wishes, listener: Listener) -> UsableClips:
    """Read and check the clips; tell of those that are left out. Raises BadInput."""
    clip_set = given.read()
    split_clips(clip_set.clips, val_share=wishes.val_share, seed=wishes.seed)  # fails here rather than after minutes
    total = len(clip_set.clips)
    listener.tell(Stage("read", f"reading {total} clips in {clip_set.root}"))
    usable = usable_given(clip_set, _counted(check_clips(clip_set), total, listener))
    for line in left_out(usable):
        listener.tell(Note(line))
    for label, count in clips_per_class(usable.clip_set.clips).items():
        if count < FEW_CLIPS:
            listener.tell(Note(f"the class {label} has {count} clips; with ten or more it is learned better"))
    return usable


def plan_run(usable: UsableClips, split: Split, start: Start, wishes: Wishes, listener: Listener) -> Budget:
    """Choose side and epochs, and tell of them."""
    architecture = replace(start.architecture, num_classes=len(usable.clip_set.labels))
    timer = StepTimer(architecture, find_device("auto"))
    short_side = typical_short_side(usable.videos.values())
    budget = choose_budget(short_side, len(split.train), wishes.limits, timer.seconds_per_clip)
    listener.tell(Planned(budget.side, budget.epochs, wishes.limits.minutes, budget.reason))
    return budget


def count_clips(usable: UsableClips, split: Split) -> ClipsCounted:
    """Count the clips of each class, and of both sides of a split."""
    counts = clips_per_class((*split.train, *split.val))
    classes = {label: counts[label] for label in usable.clip_set.labels}
    return ClipsCounted(classes, len(split.train), len(split.val))


def write_run(usable: UsableClips, split: Split, start: Start, budget: Budget, wishes: Wishes, folder: Path) -> Run:
    """Write the lists, the recipe and the settings of a run into its folder. Raises OSError.

    Args:
        usable: All clips.
        split: Those to train with and those to validate with.
        start: The weights to begin with.
        budget: Side and epochs.
        wishes: Name, seed and mirroring.
        folder: The folder of the run.
    """
    folder = folder.resolve()
    labels, root = usable.clip_set.labels, usable.clip_set.root
    write_splits(labels, {".": split}, folder)
    write_unreadable(usable.unreadable, folder)
    save_videos([root / clip.path for clip in split.train], folder)
    settings = RunSettings(wishes.seed, wishes.threads, start.title)
    sizes = {"num_classes": len(labels), "num_clips": len(split.train)}
    recipe = recipe_of(wishes.name, start, budget, folder, root, mirror=wishes.mirror, **sizes)
    save_settings(settings, folder)
    return Run(folder, write_recipe(recipe, folder / RECIPE_FILE, _repeating(folder, settings)), settings)


def _repeating(folder: Path, settings: RunSettings) -> str:
    """Return the command that trains the same weights again."""
    command = ["tin", "train", str(folder / RECIPE_FILE), "--work-dir", "OTHER", "--validate", "--deterministic"]
    return shlex.join([*command, "--seed", str(settings.seed), "--threads", str(settings.threads)])


def _counted(checked: Iterable[CheckedClip], total: int, listener: Listener) -> Iterator[CheckedClip]:
    """Pass on checked clips; tell every few seconds how many they are."""
    started = due = time.monotonic()
    for number, each in enumerate(checked, start=1):
        yield each
        now = time.monotonic()
        if now - due > SECONDS_BETWEEN_LINES:
            due, left = now, (now - started) / number * (total - number)
            listener.tell(Stage("read", f"read {number} of {total} clips, {left:.0f} s left"))

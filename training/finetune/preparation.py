"""Preparation of fine-tuning runs: clips are read, checked and split, and each run's lists and recipe written."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.engine.device import find_device
from training.finetune.budget import Budget, BudgetLimits, choose_budget, typical_seconds, typical_short_side
from training.finetune.clips_given import ClipsGiven, left_out, usable_given
from training.finetune.cross_validation import FoldRun, Folds
from training.finetune.defaults import FEW_CLIPS
from training.finetune.events import ClipsCounted, Listener, Note, Planned, Stage
from training.finetune.recipe_writer import recipe_of, recipe_of_fold, write_recipe
from training.finetune.run import (
    RECIPE_FILE,
    Run,
    RunSettings,
    check_unused,
    open_run,
    save_settings,
    save_videos,
)
from training.finetune.step_timer import StepTimer
from training.lists.checked_clips import CheckedClip, UsableClips, check_clips
from training.lists.clip_set import LabelledClip, clips_per_class
from training.lists.make_lists import write_splits, write_unreadable
from training.lists.splits import Split, split_clips
from training.zoo.start import Start

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

    def split(self, clips: Sequence[LabelledClip]) -> Split:
        """Split clips into training and validation. Raises SplitError."""
        return split_clips(clips, val_share=self.val_share, seed=self.seed)


def prepare_run(given: ClipsGiven, start: Start, wishes: Wishes, folder: Path, listener: Listener) -> Run:
    """Prepare a run in a folder that holds none yet.

    Args:
        given: The clips.
        start: The weights to begin with.
        wishes: Choices of the user.
        folder: The folder of the run.
        listener: Told of the clips and of the plan.

    Raises:
        BadInput: The clips cannot be used, or the folder holds a run.
        OSError: The folder cannot be written.
    """
    check_unused(folder)
    usable = _read_usable(given, wishes.split, listener)
    split = wishes.split(usable.clip_set.clips)
    listener.tell(_count(usable, split))
    budget = _choose_budget(usable, split, start, wishes, listener)
    return _write_run(usable, split, start, budget, wishes, folder)


def prepare_folds(
    given: ClipsGiven, start: Start, wishes: Wishes, folds: Folds, folder: Path, listener: Listener, *, resume: bool
) -> list[FoldRun]:
    """Prepare a run for each fold, all of one side and as many epochs, in folder/fold-1 and so on.

    Side and epochs are those of a run of its own with all threads; the folds then share the threads.

    Args:
        given: The clips.
        start: The weights to begin with.
        wishes: Choices of the user; the share of validation does not matter.
        folds: The wanted folds.
        folder: The folder of the runs' folders.
        listener: Told of the clips and of the plan.
        resume: Go on with the runs that the folder holds.

    Raises:
        BadInput: The clips cannot be used, or the folder holds runs and `resume` is False.
        OSError: The folder cannot be written.
    """
    first = folder / "fold-1"
    if not resume:
        check_unused(first)
    usable = _read_usable(given, lambda clips: folds.splits(clips, wishes.seed), listener)
    splits = folds.splits(usable.clip_set.clips, wishes.seed)
    listener.tell(_count(usable, splits[0]))
    begun = resume and (first / RECIPE_FILE).exists()
    budget = _budget_of(open_run(first)) if begun else _choose_budget(usable, splits[0], start, wishes, listener)
    shared = replace(wishes, threads=_threads_of_fold(wishes.threads, len(splits)))

    def prepare(split: Split, fold: Path) -> FoldRun:
        if resume and (fold / RECIPE_FILE).exists():
            run = open_run(fold)
        else:
            run = _write_run(usable, split, start, budget, shared, fold, is_fold=True)
        steps = run.recipe.epochs * math.ceil(len(split.train) / run.recipe.data.batch_size)
        return FoldRun(run, steps, folds.group_of(split))

    return [prepare(split, folder / f"fold-{number}") for number, split in enumerate(splits, start=1)]


def _threads_of_fold(threads: int, num_folds: int) -> int:
    """Return a fold's share of the threads; a GPU is not shared, so that there one fold has them all."""
    return threads if find_device("auto").type != "cpu" else max(1, threads // num_folds)


def _read_usable(
    given: ClipsGiven, split: Callable[[Sequence[LabelledClip]], object], listener: Listener
) -> UsableClips:
    """Read and check the clips; tell of those that are left out, and of classes with few."""
    clip_set = given.read()
    split(clip_set.clips)  # fails here rather than after minutes of decoding
    total = len(clip_set.clips)
    listener.tell(Stage("read", f"reading {total} clips in {clip_set.root}"))
    usable = usable_given(clip_set, _counted(check_clips(clip_set), total, listener))
    for line in left_out(usable):
        listener.tell(Note(line))
    for label, count in clips_per_class(usable.clip_set.clips).items():
        if count < FEW_CLIPS:
            listener.tell(Note(f"the class {label} has {count} clips; with ten or more it is learned better"))
    return usable


def _counted(checked: Iterable[CheckedClip], total: int, listener: Listener) -> Iterator[CheckedClip]:
    """Pass on checked clips; tell every few seconds how many they are."""
    started = due = time.monotonic()
    for number, each in enumerate(checked, start=1):
        yield each
        now = time.monotonic()
        if now - due > SECONDS_BETWEEN_LINES:
            due, left = now, (now - started) / number * (total - number)
            listener.tell(Stage("read", f"read {number} of {total} clips, {left:.0f} s left"))


def _count(usable: UsableClips, split: Split) -> ClipsCounted:
    counts = clips_per_class((*split.train, *split.val))
    classes = {label: counts[label] for label in usable.clip_set.labels}
    return ClipsCounted(classes, len(split.train), len(split.val))


def _choose_budget(usable: UsableClips, split: Split, start: Start, wishes: Wishes, listener: Listener) -> Budget:
    """Choose side and epochs by measured training steps, and tell of them."""
    architecture = replace(start.architecture, num_classes=len(usable.clip_set.labels))
    timer = StepTimer(architecture, find_device("auto"))
    short_side = typical_short_side(usable.videos.values())
    budget = choose_budget(short_side, len(split.train), wishes.limits, timer.seconds_per_clip)
    listener.tell(Planned(budget.side, budget.epochs, wishes.limits.minutes, budget.reason))
    return budget


def _budget_of(run: Run) -> Budget:
    return Budget(run.recipe.clip.crop, run.recipe.epochs, "as in the run that goes on")


def _write_run(
    usable: UsableClips,
    split: Split,
    start: Start,
    budget: Budget,
    wishes: Wishes,
    folder: Path,
    *,
    is_fold: bool = False,
) -> Run:
    """Write the lists, the recipe and the settings of a run; that of a fold is measured at its end only."""
    folder = folder.resolve()
    labels, root = usable.clip_set.labels, usable.clip_set.root
    write_splits(labels, {".": split}, folder)
    write_unreadable(usable.unreadable, folder)
    save_videos([root / clip.path for clip in split.train], folder)
    settings = RunSettings(wishes.seed, wishes.threads, start.title, typical_seconds(usable.videos.values()))
    save_settings(settings, folder)
    sizes = {"num_classes": len(labels), "num_clips": len(split.train), "num_validated": len(split.val)}
    recipe = recipe_of(wishes.name, start, budget, folder, root, mirror=wishes.mirror, **sizes)
    recipe = recipe_of_fold(recipe, wishes.threads) if is_fold else recipe
    return Run(folder, write_recipe(recipe, folder / RECIPE_FILE, _repeating(folder, settings)), settings)


def _repeating(folder: Path, settings: RunSettings) -> str:
    """Return the command that trains the same weights again."""
    command = ["tin", "train", str(folder / RECIPE_FILE), "--work-dir", "OTHER", "--validate", "--deterministic"]
    return shlex.join([*command, "--seed", str(settings.seed), "--threads", str(settings.threads)])

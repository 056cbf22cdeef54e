"""Preparation of fine-tuning runs: clips are read, checked and split, and each run's lists and recipe written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from training.engine.device import find_device
from training.finetune.budget import Budget, choose_budget, typical_short_side
from training.finetune.clips_given import ClipsGiven, left_out, usable_given
from training.finetune.cross_validation import FoldRun, Folds
from training.finetune.defaults import FEW_CLIPS
from training.finetune.listeners.events import ClipsCounted, Listener, Note, Planned, Stage
from training.finetune.mirroring import choose_mirroring
from training.finetune.run import RECIPE_FILE, Run, check_unused, open_run
from training.finetune.run_writer import RunWriter
from training.finetune.step_timer import StepTimer
from training.finetune.wishes import Wishes
from training.lists.checked_clips import CheckedClip, UsableClips, check_clips
from training.lists.clip_set import LabelledClip, clips_per_class
from training.lists.splits import Split
from training.zoo.start import Start

SECONDS_BETWEEN_LINES = 5.0


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
    writer = RunWriter(usable, start, wishes)
    [mirror] = choose_mirroring(writer, [split], budget, listener)
    return writer.write(split, budget, folder, mirror=mirror)


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
    folders = [folder / f"fold-{number}" for number in range(1, len(splits) + 1)]
    if resume and all((fold / RECIPE_FILE).exists() for fold in folders):
        runs = [open_run(fold) for fold in folders]
    else:
        runs = _write_folds(usable, splits, start, wishes, folders, listener)
    return [
        FoldRun(run, run.steps(len(split.train)), folds.group_of(split))
        for run, split in zip(runs, splits, strict=True)
    ]


def _write_folds(
    usable: UsableClips,
    splits: Sequence[Split],
    start: Start,
    wishes: Wishes,
    folders: Sequence[Path],
    listener: Listener,
) -> list[Run]:
    budget = _choose_budget(usable, splits[0], start, wishes, listener)
    writer = RunWriter(usable, start, replace(wishes, threads=_threads_of_fold(wishes.threads, len(splits))))
    mirrored = choose_mirroring(writer, splits, budget, listener, processes=wishes.threads // writer.wishes.threads)
    return [
        writer.write(split, budget, fold, mirror=mirror, is_fold=True)
        for split, fold, mirror in zip(splits, folders, mirrored, strict=True)
    ]


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

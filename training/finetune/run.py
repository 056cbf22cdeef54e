"""A fine-tuning run: its folder, recipe and seed, trained and measured."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from training.checkpoints.checkpoint import store_timeline
from training.engine.callbacks import Callbacks
from training.engine.device import find_device
from training.engine.distributed import Processes
from training.engine.run_log import RunLog
from training.engine.trainer import BEST, LAST, RESUME_STATE
from training.errors import BadInput
from training.files import replace_file, replace_json
from training.finetune.listeners.events import Listener, Stage
from training.recipes.recipe import Recipe, load_recipe
from training.reports.evaluation import Evaluation, calibrate_checkpoint, evaluate_checkpoint
from training.reports.report_folder import facts_of, write_report
from training.train import build_trainer, make_deterministic, train

RECIPE_FILE, SETTINGS_FILE, VIDEOS_FILE, REPORT_FOLDER = "recipe.yaml", "finetune.json", "videos.txt", "report"


class RunError(BadInput):
    """The folder of a run cannot be used; the message names it."""


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run besides its recipe: the seed, torch's threads, and the title of the weights it starts from.

    `clip_seconds` is the median length of the clips: the window of the model's timelines.
    """

    seed: int
    threads: int
    start: str
    clip_seconds: float | None = None


@dataclass(frozen=True)
class Run:
    """A run that is ready to be trained, or to be continued."""

    folder: Path
    recipe: Recipe
    settings: RunSettings

    def steps(self, num_clips: int) -> int:
        """Return the optimiser steps of the whole run with so many clips to train with."""
        return self.recipe.epochs * math.ceil(num_clips / self.recipe.data.batch_size)

    @property
    def result(self) -> Path:
        """The checkpoint of the run: the best validated one, or the last where too few clips choose between them."""
        return self.folder / (BEST if self.recipe.patience else LAST)

    @property
    def videos(self) -> Path:
        """The list of the clips that are trained with, a path a line."""
        return self.folder / VIDEOS_FILE


@dataclass(frozen=True)
class Measured:
    """Top-1 accuracy of a run's checkpoint on its validation clips, as a share, and the page of its report."""

    accuracy: float
    report: Path


def check_unused(folder: Path) -> None:
    """Raise RunError for a folder that holds a run already."""
    if (folder / RECIPE_FILE).exists():
        raise RunError(f"{folder} already holds a run; go on with --resume, or name another folder with --work-dir")


def save_settings(settings: RunSettings, folder: Path) -> None:
    """Write the settings of a run into its folder."""
    replace_json(folder / SETTINGS_FILE, asdict(settings))


def save_videos(paths: Sequence[Path], folder: Path) -> None:
    """Write the list of the clips that are trained with."""
    replace_file(folder / VIDEOS_FILE, "".join(f"{path}\n" for path in paths).encode())


def open_run(folder: Path) -> Run:
    """Open the run that a folder holds. Raises RunError, and RecipeError for a damaged recipe."""
    try:
        settings = RunSettings(**json.loads((folder / SETTINGS_FILE).read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{folder} holds no run to go on with; leave out --resume") from error
    return Run(folder, load_recipe(str(folder / RECIPE_FILE)), settings)


def train_run(run: Run, listener: Listener) -> None:
    """Train a run to its end, from the last finished epoch on.

    Raises:
        BadInput: Data or weights are missing or wrong.
        Stopped: The loss is not finite, or too many clips cannot be read.
    """
    torch.set_num_threads(run.settings.threads)
    make_deterministic()
    callbacks = Callbacks()
    trainer = build_trainer(run.recipe, _processes(), callbacks.on_message, seed=run.settings.seed, auto_scale_lr=False)
    if (run.folder / RESUME_STATE).exists():
        trainer.resume(run.folder)
    first_step = trainer.steps_done
    shown = listener.follow(run.recipe.name, trainer.length.steps, first_step)
    with shown as progress, RunLog(run.folder, first_step=first_step) as run_log:
        callbacks.add(run_log)  # it alone gets what was said of the tensors
        callbacks.add(progress)
        train(trainer, callbacks, run.folder, validating=True)


def measure_run(run: Run, listener: Listener) -> Measured:
    """Measure the resulting checkpoint, calibrate it and write its report. Raises BadInput and OSError."""
    listener.tell(Stage("evaluate", "measuring the checkpoint on the validation clips"))
    done = evaluate_checkpoint(run.recipe, run.result, _processes(), with_orders=True)
    done = calibrate_checkpoint(done, run.result)
    if run.settings.clip_seconds is not None:
        store_timeline(run.result, {"window_seconds": run.settings.clip_seconds})
    page = write_report(done, facts_of(done, run.result), run.folder / REPORT_FOLDER)
    accuracy = float((done.scores.probabilities.argmax(1) == done.scores.labels).mean())
    return Measured(accuracy, page)


def score_run(run: Run) -> Evaluation:
    """Score the last checkpoint of a run on its validation clips. Raises BadInput."""
    return evaluate_checkpoint(run.recipe, run.folder / LAST, _processes())


def _processes() -> Processes:
    return Processes(find_device("auto"))

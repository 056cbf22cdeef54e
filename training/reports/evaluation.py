"""Evaluation of a checkpoint on a recipe's validation set: scores, cost, and the data that they are of."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import track

from training.checkpoints.checkpoint import SUFFIX, load_checkpoint, store_calibration
from training.engine.build_model import build_model, load_weights
from training.engine.data_source import DataSource, open_data_source
from training.engine.distributed import Processes
from training.engine.evaluation import ClipScores, Cost, score_clips
from training.model.tin import Normalise
from training.recipes.recipe import Recipe
from training.reports.controls import NUM_ORDERS, Controls, with_controls
from training.reports.temperature import fit_temperature
from training.reports.threshold import fit_threshold


@dataclass(frozen=True)
class Evaluation:
    """A checkpoint's scores on a recipe's validation set, their cost, and the data that they are of.

    `controls` is there when the frames were also shuffled and reversed; `threshold` is the checkpoint's.
    """

    recipe: Recipe
    source: DataSource
    scores: ClipScores
    cost: Cost
    controls: Controls | None = None
    threshold: float | None = None

    def calibrated(self) -> Evaluation:
        """Return the evaluation with the temperature that fits its clips, and the threshold of these probabilities."""
        temperature = fit_temperature(self.scores.logits, self.scores.labels)
        scores = self.scores.with_temperature(temperature)
        controls = self.controls and self.controls.with_temperature(temperature)
        threshold = fit_threshold(scores.probabilities, scores.labels)
        return replace(self, scores=scores, controls=controls, threshold=threshold)


def evaluate_checkpoint(
    recipe: Recipe, checkpoint: Path, processes: Processes, *, with_orders: bool = False
) -> Evaluation:
    """Score a checkpoint on the recipe's validation set, sharded over the processes. Raises BadInput.

    Args:
        recipe: The recipe, whose clip says the views.
        checkpoint: File of this project, whose temperature and threshold count, or published file.
        processes: The processes that share the clips.
        with_orders: Also score the clips with their frames shuffled and reversed.
    """
    model = build_model(recipe)
    load_weights(model, checkpoint, as_start=False)
    console = Console(stderr=True)
    source = open_data_source(recipe, 0, processes, console.print)
    batches = source.validation_batches(recipe.epochs - 1)
    shown = track(batches, "evaluating", len(batches), console=console, disable=not processes.is_first)
    seen = with_controls(shown, processes) if with_orders else shown
    normalise = Normalise(recipe.clip).to(processes.device)
    started = time.perf_counter()
    scores = score_clips(model.to(processes.device), normalise, seen, processes)
    seconds = time.perf_counter() - started
    temperature, threshold = _calibration_of(checkpoint)
    scores = scores.with_temperature(temperature)
    controls = Controls.of(scores) if with_orders else None
    cost = Cost(recipe.clip.num_views, len(scores.labels), seconds, NUM_ORDERS if with_orders else 1)
    return Evaluation(recipe, source, controls.sampled if controls else scores, cost, controls, threshold)


def calibrate_checkpoint(done: Evaluation, checkpoint: Path) -> Evaluation:
    """Fit temperature and threshold, write them into the checkpoint's JSON, and return the evaluation with them.

    Raises CheckpointError and OSError.
    """
    calibrated = done.calibrated()
    store_calibration(checkpoint, calibrated.scores.temperature, calibrated.threshold)
    return calibrated


def _calibration_of(checkpoint: Path) -> tuple[float, float | None]:
    """Return a checkpoint's temperature and threshold: 1 and None for a published file."""
    if checkpoint.suffix != SUFFIX:
        return 1.0, None
    loaded = load_checkpoint(checkpoint)
    return loaded.temperature, loaded.threshold
